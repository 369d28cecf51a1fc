/* One epoll descriptor, one thread; signals arrive as a descriptor too. */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "timers.h"

enum { LOOP_EVENTS = 512 };

static int poller = -1;
static bool stopping;
static struct watch signals;

static void signal_ready(struct watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    stopping = true;
}

int loop_open(void)
{
    sigset_t set;

    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        return -1;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals.fd < 0)
        return -1;
    signals.ready = signal_ready;
    loop_watch(&signals, EPOLLIN);
    return 0;
}

void loop_watch(struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    if (watch->events == events)
        return;
    /* Cannot fail for a live descriptor: memory for it is bounded by the descriptor limit. */
    if (epoll_ctl(poller, watch->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event))
        abort();
    watch->events = events;
}

int loop_run(bool (*round_end)(void))
{
    struct epoll_event events[LOOP_EVENTS];

    while (!stopping) {
        bool more;
        int count;

        timers_run();
        more = round_end();
        count = epoll_wait(poller, events, LOOP_EVENTS, more ? 0 : timers_wait());
        if (count < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < count; i++) {
            struct watch *watch = events[i].data.ptr;
            watch->ready(watch, events[i].events);
        }
    }
    return 0;
}

void loop_close(void)
{
    if (signals.fd > 0)
        close(signals.fd);
    if (poller >= 0)
        close(poller);
    poller = -1;
}
