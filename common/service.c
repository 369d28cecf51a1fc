/* service_main(): what every daemon does from its first instruction to its exit code. */
#include "common/service.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "common/bus_remote.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/daemon.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/meters.h"
#include "common/pulse.h"
#include "common/spans.h"

#define DRAIN_US    10000000 /* what is in flight at SIGTERM has this long */
#define END_US      30000000 /* from SIGTERM to the end of the process, whatever hangs */
#define SETTLE_US   50000    /* for requests that were sent before GOODBYE came */
#define FAST_CREDIT 256      /* reads that one gateway may have under way here */
#define DB_PAUSE_MS 200      /* between tries to reach the database at start */

/* What the watchdog is not fed beyond, besides the threads' pulses. */
#define LANE_SILENCE_US 60000000 /* jobs wait and none is taken, while the database answers */
#define DB_FRESH_US     10000000

const struct conf *daemon_conf(const struct daemon *d)
{
    return d->conf;
}

void *daemon_state(const struct daemon *d)
{
    return d->state;
}

const char *daemon_instance(const struct daemon *d)
{
    return d->instance;
}

struct meters *daemon_meters(const struct daemon *d)
{
    return d->meters;
}

void daemon_publish(struct daemon *d, const struct event *e)
{
    if (d->bus)
        bus_publish(d->bus, e);
}

void daemon_publish_all(struct daemon *d, const struct text *records)
{
    if (d->bus && records->size)
        bus_publish_all(d->bus, records);
}

static struct db_config db_config_for(const struct daemon *d, int statement_timeout_ms)
{
    return (struct db_config){
        .database = conf_str(d->conf, SET_DATABASE),
        .role = d->service->name,
        .schema = d->service->schema,
        .schema_version = d->service->schema_version,
        .statement_timeout_ms = statement_timeout_ms,
        .queries = d->service->queries,
    };
}

static int db_open_for(struct daemon *d, int statement_timeout_ms, struct db **ret)
{
    struct db_config c = db_config_for(d, statement_timeout_ms);

    return db_open(&c, ret);
}

int daemon_db(struct daemon *d, struct db **ret)
{
    return db_open_for(d, 10000, ret);
}

struct db *daemon_db_wait(struct daemon *d, int statement_timeout_ms)
{
    struct timespec pause = {.tv_nsec = DB_PAUSE_MS * 1000000L};
    struct db *db = NULL;

    while (!atomic_load(&d->draining)) {
        int r = db_open_for(d, statement_timeout_ms, &db);
        if (r == DONE) {
            atomic_store(&d->db_seen_us, clock_us());
            return db;
        }
        if (r < 0) {
            kill(getpid(), SIGTERM);
            atomic_store(&d->failed, true);
            return NULL;
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int workers_of(const struct daemon *d, enum lane lane)
{
    const struct service *s = d->service;
    int n = s->workers_of ? s->workers_of(d->conf, lane) : s->workers[lane];

    return n < s->workers[lane] ? n : s->workers[lane];
}

int daemon_credit(const struct daemon *d, enum lane lane)
{
    int n = workers_of(d, lane);

    return n == 0 ? 0 : lane == LANE_FAST ? FAST_CREDIT : n + 2;
}

static void tasks_gather(struct daemon *d)
{
    int n = 0;

    for (const struct task *t = d->service->tasks; t && t->name && n < TASKS_MAX - 1; t++)
        d->tasks[n++] = *t;
    d->tasks[n] = (struct task){"idempotency_expire", 5000, idempotency_expire};
}

static int thread_add(struct daemon *d, void *(*run)(void *), void *arg)
{
    int error;

    assert(d->thread_count < (int)(sizeof d->threads / sizeof *d->threads));
    error = pthread_create(&d->threads[d->thread_count], NULL, run, arg);
    if (error)
        return FAULT("thread: %s", strerror(error));
    d->thread_count++;
    return DONE;
}

static int lanes_start(struct daemon *d)
{
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        for (int i = 0; i < workers_of(d, lane); i++) {
            struct worker_start *w;
            int r;
            if (lane == LANE_FAST) {
                d->lanes[lane].wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                r = thread_add(d, fast_run, d);
            } else {
                w = calloc(1, sizeof *w);
                if (!w)
                    abort();
                *w = (struct worker_start){d, (enum lane)lane, i + 1};
                r = thread_add(d, worker_run, w);
            }
            if (r)
                return r;
        }
    }
    return DONE;
}

static void lanes_stop(struct daemon *d)
{
    for (int lane = 0; lane < LANE_COUNT; lane++)
        lane_queue_close(&d->lanes[lane]);
    for (int i = 0; i < d->thread_count; i++)
        pthread_join(d->threads[i], NULL);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        if (d->lanes[lane].wake_fd >= 0)
            close(d->lanes[lane].wake_fd);
}

/*
 * Whether requests are taken and served: all threads go on, and no lane leaves its jobs lying.
 * Transfers may take as long as their clients do.  Where the database is away or hangs, everybody
 * waits for it, and a new process could do nothing else.
 */
static bool daemon_serves(struct daemon *d)
{
    int64_t now = clock_us();

    if (!pulse_check())
        return false;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        int64_t stuck = lane == LANE_BULK ? 0 : lane_queue_stuck_us(&d->lanes[lane]);
        if (stuck <= LANE_SILENCE_US || now - atomic_load(&d->db_seen_us) >= DB_FRESH_US)
            continue;
        log_line(LOG_LEVEL_ERR, "event=hung lane=%d silent_ms=%" PRId64, lane, stuck / 1000);
        return false;
    }
    return true;
}

static void slow_limits_set(struct daemon *d)
{
    atomic_store(&d->slow_request_us, conf_i64(d->conf, SET_SLOW_REQUEST_MS) * 1000);
    db_slow_limit(conf_i64(d->conf, SET_SLOW_QUERY_MS) * 1000);
}

static void reload(struct daemon *d)
{
    sd_notify(0, "RELOADING=1");
    if (conf_reload(d->conf) == 0) {
        log_limit_named(conf_str(d->conf, SET_LOG_LEVEL));
        slow_limits_set(d);
        if (d->service->reload)
            d->service->reload(d->conf, d->state);
        log_line(LOG_LEVEL_NOTICE, "event=reload");
    }
    sd_notify(0, "READY=1");
}

/* Feeds the watchdog and reads the settings again on SIGHUP, until another signal comes. */
static void wait_for_end(struct daemon *d, const sigset_t *signals)
{
    uint64_t watchdog_us = 0;
    struct timespec tick = {.tv_sec = 1};

    if (sd_watchdog_enabled(0, &watchdog_us) > 0 && watchdog_us < 4000000)
        tick = (struct timespec){.tv_nsec = (long)(watchdog_us / 4 * 1000)};
    pulse_watchdog(watchdog_us);
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &tick);
        if (signal == SIGHUP)
            reload(d);
        else if (signal > 0)
            return;
        if (daemon_serves(d) && watchdog_us)
            sd_notify(0, "WATCHDOG=1");
    }
}

bool daemon_database_gone(const struct daemon *d)
{
    return atomic_load(&d->database_gone);
}

/* While the process ends: lets nobody wait for a database that does not answer, and nothing at all
 * keep the process for ever. */
static void *end_run(void *daemon)
{
    struct daemon *d = daemon;
    struct db_config c = db_config_for(d, 0);
    int64_t end = clock_us() + END_US;
    struct timespec pause = {.tv_nsec = 50000000};

    for (int i = 1; !atomic_load(&d->ended); i++) {
        if (i % 20 == 0 && !db_answers(&c)) {
            atomic_store(&d->database_gone, true);
            db_cut_all();
        }
        if (clock_us() > end) {
            log_line(LOG_LEVEL_ERR, "event=end_forced");
            _exit(EXIT_FAILURE);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void drain(struct daemon *d)
{
    int64_t now = clock_us(), settled = now + SETTLE_US, until = now + DRAIN_US;
    struct timespec pause = {.tv_nsec = 5000000};

    sd_notify(0, "STOPPING=1");
    log_line(LOG_LEVEL_NOTICE, "event=drain in_flight=%d", atomic_load(&d->busy));
    bus_goodbye(d->bus);
    while ((atomic_load(&d->busy) > 0 && clock_us() < until && !daemon_database_gone(d)) ||
           clock_us() < settled)
        nanosleep(&pause, NULL);
    atomic_store(&d->draining, true);
    bus_end_questions(d->bus);
    if (d->service->drain)
        d->service->drain(d->state);
}

/* All statements are good. */
static int database_prove(struct daemon *d)
{
    cleanup(db_close) struct db *db = NULL;
    int r = daemon_db(d, &db);

    return r ? r : db_prepare_all(db);
}

/* Waits for the database to answer.  UNAVAILABLE: a signal came first; SIGHUP is kept for later. */
static int database_wait(struct daemon *d, const sigset_t *signals)
{
    sigset_t ends = *signals;
    struct timespec pause = {.tv_nsec = DB_PAUSE_MS * 1000000L};
    int r;

    sigdelset(&ends, SIGHUP);
    while ((r = database_prove(d)) == UNAVAILABLE) {
        sd_notify(0, "STATUS=Waits for the database, which does not answer");
        if (sigtimedwait(&ends, NULL, &pause) > 0)
            return r;
    }
    return r;
}

static int exit_code(const struct daemon *d, int r)
{
    if (r == BAD_INPUT)
        return CONF_EXIT_SETTINGS;
    return (r && r != UNAVAILABLE) || atomic_load(&d->failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int service_start(struct daemon *d)
{
    int r = d->service->start ? d->service->start(d, &d->state) : DONE;

    if (!r)
        r = lanes_start(d);
    if (!r)
        r = bus_start(d->bus);
    /* the database went away again: whoever started us does so once more */
    return r == UNAVAILABLE ? -1 : r;
}

static int daemon_run(struct daemon *d, const sigset_t *signals)
{
    pthread_t ender = 0;
    int r = database_wait(d, signals);

    bus_open(d, &d->bus);
    if (!r)
        r = service_start(d);
    if (!r && d->service->outbox)
        r = outbox_start(d, &d->outbox);
    if (!r) {
        sd_notify(0, "READY=1\nSTATUS=");
        log_line(LOG_LEVEL_NOTICE, "event=start version=" VERSION " instance=%s", d->instance);
        wait_for_end(d, signals);
        if ((errno = pthread_create(&ender, NULL, end_run, d)))
            FAULT("thread: %m");
        drain(d);
    }
    atomic_store(&d->draining, true);
    bus_end_questions(d->bus);
    lanes_stop(d);
    outbox_drop(&d->outbox);
    db_pool_drop(&d->db_pool);
    if (d->service->hand_over && d->state)
        d->service->hand_over(d->state);
    bus_drop(&d->bus); /* its thread asks the service for its note */
    if (d->service->stop)
        d->service->stop(d->state);
    atomic_store(&d->ended, true);
    if (ender)
        pthread_join(ender, NULL);
    log_line(LOG_LEVEL_NOTICE, "event=stop");
    return exit_code(d, r);
}

static const struct service *checked; /* whose settings are looked at */

static enum setting settings_check(const struct conf *conf, const char **reterr_why)
{
    enum setting s = remotes_check(conf, reterr_why);

    return s == SET_COUNT && checked->check ? checked->check(conf, reterr_why) : s;
}

static int settings_load(struct daemon *d, int argc, char **argv)
{
    const struct service *s = d->service;
    int r;

    checked = s;
    conf_check_with(settings_check);
    r = conf_load(s->svc, s->name, argc, argv, &d->conf);
    return r ? r : bus_key_read(d->conf, SET_BUS_GATEWAYS, &d->bus_key, &d->has_bus_key);
}

/* We abort where there is no memory, and say so; nothing here takes any.  The watchdog's SIGABRT
 * ends us, too. */
static void abort_tell(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == SI_TKILL)
        log_line(LOG_LEVEL_ERR, "event=abort%s", errno == ENOMEM ? " detail=\"no memory\"" : "");
    raise(number); /* for the last time: see SA_RESETHAND */
}

int service_main(const struct service *s, int argc, char **argv)
{
    static struct daemon d; /* threads refer to it; one per process */
    struct sigaction aborts = {.sa_sigaction = abort_tell, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    unsigned char random[8];
    sigset_t signals;
    int r;

    log_name(s->name);
    d.service = s;
    r = settings_load(&d, argc, argv);
    if (r)
        return r;
    log_limit_named(conf_str(d.conf, SET_LOG_LEVEL));
    slow_limits_set(&d);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGABRT, &aborts, NULL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* every thread inherits it */
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, d.instance);
    d.meters = meters_new(api_svc_name(s->svc), d.instance, s->meters);
    spans_start(d.conf, s->name, d.instance, d.meters);
    tasks_gather(&d);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        lane_queue_init(&d.lanes[lane]);
    db_pool_init(&d.db_pool);
    r = daemon_run(&d, &signals);
    spans_stop();
    meters_drop(&d.meters);
    conf_drop(&d.conf);
    return r;
}
