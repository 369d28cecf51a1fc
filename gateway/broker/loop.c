/* The broker's one thread: takes what has come, acts on what is due, sends, sleeps. */
#include "gateway/broker/loop.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/pulse.h"
#include "gateway/broker/intake.h"
#include "gateway/broker/state.h"

#define EVENTS_MAX 64

static _Thread_local const struct broker *here;

bool loop_is_here(const struct broker *b)
{
    return here == b;
}

static void commands_run(struct broker *b)
{
    struct command *c, *next;

    for (c = inbox_take(&b->inbox); c; c = next) {
        next = c->next;
        c->run(b, c); /* may end c */
    }
}

/* What was said by the workers comes before what happens to them: a last REPLY is read before its
 * sender's death counts, and a message before its sender's silence. */
static void round_run(struct broker *b)
{
    b->now_us = clock_us();
    pulse_beat(NULL);
    commands_run(b);
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        if (b->service[svc].look)
            intake_read(b, &b->service[svc]);
    requests_due(b);
    if (b->now_us - b->tick_us >= TICK_US)
        workers_tick(b);
    workers_bury(b);
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        if (b->service[svc].serve)
            requests_serve(b, &b->service[svc]);
    transfers_serve(b);
    topics_flush(b);
}

/* Milliseconds until something is due, rounded up. */
static int due_ms(const struct broker *b)
{
    const struct timer *first = timers_first(&b->timers);
    int64_t due = b->tick_us + TICK_US, now = clock_us();

    if (b->closing)
        return 1; /* for the last threads to leave */
    if (first && first->due_us < due)
        due = first->due_us;
    if (b->bury_us < due)
        due = b->bury_us;
    return due <= now ? 0 : (int)((due - now + 999) / 1000);
}

/* Whether nothing has come meanwhile; each send may have hidden a message from epoll. */
static bool quiet(struct broker *b)
{
    bool any = transfers_wait(b);

    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        struct service *s = &b->service[svc];
        if (s->look)
            any |= s->look = bus_socket_readable(&s->socket);
        any |= s->serve != 0;
    }
    return !any;
}

static void event_take(struct broker *b, void *what, bool *ret_written)
{
    if (what == &b->inbox) {
        *ret_written = true;
        return;
    }
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        if (what == &b->service[svc]) {
            b->service[svc].look = true;
            return;
        }
    worker_dies(b, what, clock_us() + DYING_US);
}

static void wait_for_more(struct broker *b)
{
    struct epoll_event events[EVENTS_MAX];
    bool asleep = quiet(b) && inbox_sleep(&b->inbox), written = false;
    int n = epoll_wait(b->epoll, events, EVENTS_MAX, asleep ? due_ms(b) : 0);

    b->now_us = clock_us();
    for (int i = 0; i < n; i++)
        event_take(b, events[i].data.ptr, &written);
    if (asleep)
        inbox_wake(&b->inbox, written);
}

static void *loop_run(void *state)
{
    struct broker *b = state;

    here = b;
    pulse_begin(PULSE_LOOP, "broker", 0);
    while (!b->closing || atomic_load(&b->inside)) {
        round_run(b);
        wait_for_more(b);
    }
    commands_run(b); /* begun by a thread that did not wait */
    pulse_end();
    return NULL;
}

int loop_start(struct broker *b)
{
    sigset_t all, before;
    int r;

    sigfillset(&all); /* signals are for the program's other threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&b->thread, NULL, loop_run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r)
        return FAULT("pthread_create: %s", strerror(r));
    b->started = true;
    return DONE;
}

static void close_run(struct broker *b, struct command *c)
{
    (void)c;
    b->closing = true;
    requests_refuse_all(b);
    transfers_break_all(b);
}

void loop_end(struct broker *b)
{
    struct command c = {.run = close_run};

    if (!b->started)
        return;
    inbox_push(&b->inbox, &c);
    pthread_join(b->thread, NULL);
    b->started = false;
}
