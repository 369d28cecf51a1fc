/* Priorities of threads and processes. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/priority.h"

#define SLICE_NS  100000000 /* the longest that the kernel takes */
#define TRIES_MAX 40        /* a second in all */
#define OFFER_NS  200000

#ifndef sigev_notify_thread_id /* as timer_create(2) calls it; the C library has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Of sched_setattr(2), which libc does not declare; its first version. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* Of the calling thread; 0 or -1 with errno. */
static int scheduling_set(uint32_t policy, int nice, uint64_t slice_ns)
{
    const struct scheduling s = {
        .size = sizeof s, .policy = policy, .nice = nice, .runtime_ns = slice_ns};

    return (int)syscall(SYS_sched_setattr, 0, &s, 0);
}

void priority_lower_thread(int nice)
{
    if (scheduling_set(SCHED_BATCH, nice, SLICE_NS))
        setpriority(PRIO_PROCESS, 0, nice); /* of this thread only */
}

void priority_yield_thread(bool yields)
{
    scheduling_set(yields ? SCHED_BATCH : SCHED_OTHER, getpriority(PRIO_PROCESS, 0),
                   yields ? SLICE_NS : 0);
}

void priority_lower_process(int nice)
{
    const struct timespec pause = {.tv_nsec = 25000000};
    cleanup(fd_drop) int fd = -1;
    char text[12];
    int n = snprintf(text, sizeof text, "%d", nice);

    if (getsid(0) != getpid())
        return;
    fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    /* the kernel takes one such change in 100 ms from all processes of the machine */
    for (int tries = 0; fd >= 0 && tries < TRIES_MAX; tries++) {
        if (write(fd, text, (size_t)n) >= 0 || errno != EAGAIN)
            return;
        nanosleep(&pause, NULL);
    }
}

static void on_offer(int signal)
{
    (void)signal;
    sched_yield();
}

void offers_begin(struct offers *o)
{
    static const struct itimerspec every = {{.tv_nsec = OFFER_NS}, {.tv_nsec = OFFER_NS}};
    const struct sigaction action = {.sa_handler = on_offer, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};

    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    sigaction(SIGALRM, &action, NULL); /* stays: a last signal may come late */
    o->made = timer_create(CLOCK_MONOTONIC, &event, &o->timer) == 0;
    if (o->made)
        timer_settime(o->timer, 0, &every, NULL);
}

void offers_end(struct offers *o)
{
    if (o->made)
        timer_delete(o->timer);
    o->made = false;
}
