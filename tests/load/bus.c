/*
 * How fast the broker is: round trips of 300-byte requests from many threads through one broker to
 * worker processes that answer at once.
 *
 *     bus [threads [workers [seconds]]]      128 threads, 2 workers, 3 s
 *
 * Prints the figures for people, then one line of JSON.
 */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "gateway/broker/broker.h"
#include "tests/unit/bus_peer.h"

#define BODY_SIZE    300
#define CREDIT       64
#define SINGLE_CALLS 5000
#define SLICE_NS     1000 /* of the histogram */
#define SLICES       1000000

static struct broker *broker;
static atomic_bool stop;
static char body[BODY_SIZE];

/* Answers each REQUEST with its own body, for ever. */
static void worker_run(const char *dir, int number)
{
    struct peer_message m;
    struct peer p;
    char instance[32];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(instance, sizeof instance, "load%d", number);
    peer_open(&p, dir, SVC_PROJECT, instance);
    peer_ready(&p, CREDIT);
    for (;;) {
        if (!peer_receive(&p, 1000, &m))
            continue;
        if (m.e.kind == FRAME_REQUEST) {
            struct envelope e = {.kind = FRAME_REPLY, .id = m.e.id, .http = 200};
            peer_send(&p, &e, zmq_msg_data(&m.payload), zmq_msg_size(&m.payload));
        }
        peer_message_drop(&m);
    }
}

struct tally {
    pthread_t thread;
    int64_t caller;
    uint64_t calls;
    unsigned *slices; /* of latency */
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void call_once(int64_t caller, unsigned *slices)
{
    struct bus_request req = {
        .op = api_op(OP_project_get),
        .caller = caller,
        .trace = "0123456789abcdef",
        .address = "127.0.0.1",
        .body = body,
        .body_size = sizeof body,
        .deadline_ms = 15000,
    };
    struct bus_reply reply;
    int64_t begun = now_ns(), slice;

    broker_call(broker, &req, &reply);
    if (reply.status != DONE || reply.body_size != sizeof body) {
        fprintf(stderr, "status %d\n", reply.status);
        exit(EXIT_FAILURE);
    }
    bus_reply_drop(&reply);
    slice = (now_ns() - begun) / SLICE_NS;
    __atomic_fetch_add(&slices[slice < SLICES ? slice : SLICES - 1], 1, __ATOMIC_RELAXED);
}

static void *caller_run(void *state)
{
    struct tally *t = state;

    for (; !atomic_load_explicit(&stop, memory_order_relaxed); t->calls++)
        call_once(t->caller, t->slices);
    return NULL;
}

/* Microseconds below which that share of the calls stayed. */
static double percentile(const unsigned *slices, double share)
{
    uint64_t all = 0, seen = 0;

    for (int i = 0; i < SLICES; i++)
        all += slices[i];
    for (int i = 0; i < SLICES; i++)
        if ((double)(seen += slices[i]) >= share * (double)all)
            return (i + 1) * (SLICE_NS / 1e3);
    return INFINITY;
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Round trips per second of that many threads; *ret_cpu_us: CPU time of this process for each. */
static double many(int threads, int seconds, unsigned *slices, double *ret_cpu_us)
{
    struct tally *t = calloc((size_t)threads, sizeof *t);
    double cpu = cpu_s();
    int64_t begun = now_ns();
    uint64_t calls = 0;

    for (int i = 0; i < threads; i++) {
        t[i] = (struct tally){.caller = i + 1, .slices = slices};
        if (pthread_create(&t[i].thread, NULL, caller_run, &t[i]))
            abort();
    }
    sleep((unsigned)seconds);
    atomic_store(&stop, true);
    for (int i = 0; i < threads; i++) {
        pthread_join(t[i].thread, NULL);
        calls += t[i].calls;
    }
    free(t);
    *ret_cpu_us = (cpu_s() - cpu) / (double)calls * 1e6;
    return (double)calls / ((double)(now_ns() - begun) / 1e9);
}

static void workers_wait(int n)
{
    struct service_state s = {0};

    for (int i = 0; s.instances < n && i < 500; i++) {
        broker_service_state(broker, SVC_PROJECT, &s);
        usleep(10000);
    }
}

static void measure(int threads, int workers, int seconds)
{
    unsigned *one = calloc(SLICES, sizeof *one), *all = calloc(SLICES, sizeof *all);
    double rate, cpu_us;

    for (int i = 0; i < SINGLE_CALLS; i++)
        call_once(1, one);
    rate = many(threads, seconds, all, &cpu_us);
    printf("%d threads, %d workers, %d bytes: %.0f round trips/s, p50 %.0f us, p99 %.0f us, "
           "%.1f us CPU each in this process\n",
           threads, workers, BODY_SIZE, rate, percentile(all, 0.5), percentile(all, 0.99), cpu_us);
    printf("1 thread: p50 %.0f us, p99 %.0f us\n", percentile(one, 0.5), percentile(one, 0.99));
    printf("{\"bench\":\"bus\",\"threads\":%d,\"workers\":%d,\"bytes\":%d,\"per_s\":%.0f,"
           "\"p50_us\":%.0f,\"p99_us\":%.0f,\"cpu_us\":%.1f,\"one_p50_us\":%.0f,"
           "\"one_p99_us\":%.0f}\n",
           threads, workers, BODY_SIZE, rate, percentile(all, 0.5), percentile(all, 0.99), cpu_us,
           percentile(one, 0.5), percentile(one, 0.99));
    free(one);
    free(all);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 128,
        workers = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2;
    int seconds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 3;
    char dir[] = "/tmp/bus-XXXXXX", remove[64];
    struct broker_config config = {.bus_dir = dir, .name = "gateway"};
    pid_t pid[64];

    if (threads < 1 || workers < 1 || workers > 64 || seconds < 1 || !mkdtemp(dir))
        return EXIT_FAILURE;
    for (int i = 0; i < SVC_COUNT; i++) {
        config.peer_uid[i] = getuid();
        config.peer_gid[i] = (gid_t)-1;
    }
    log_limit(LOG_LEVEL_WARN);
    for (int i = 0; i < workers; i++)
        if ((pid[i] = fork()) == 0)
            worker_run(dir, i);
    if (broker_start(&config, &broker))
        return EXIT_FAILURE;
    workers_wait(workers);
    measure(threads, workers, seconds);
    broker_drop(&broker);
    for (int i = 0; i < workers; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }
    snprintf(remove, sizeof remove, "rm -r %s", dir);
    return system(remove) ? EXIT_FAILURE : EXIT_SUCCESS;
}
