/* Threads that write events to clients. */
#include "gateway/stream/publisher.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/pulse.h"
#include "gateway/stream/reader.h"
#include "proto/api.h"

#define EVENTS_MAX 256

/* Streams with something to do. */
struct ready {
    struct reader **list;
    size_t count, capacity;
};

struct publisher {
    pthread_t thread;
    bool started;
    int epoll, wake;
    LIST_HEAD(, reader) streams;
    struct ready batch; /* being worked on */
    int64_t tick_due_us;
    atomic_ullong bytes, events;

    pthread_mutex_t lock;
    struct ready ready;
    bool asleep, poked; /* poked: look at stop and end */
    bool stop, end;
};

static void ready_add(struct ready *r, struct reader *s)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 64;
        r->list = realloc(r->list, r->capacity * sizeof *r->list);
        if (!r->list)
            abort();
    }
    r->list[r->count++] = s;
}

static void wake(struct publisher *p)
{
    bool asleep;

    pthread_mutex_lock(&p->lock);
    p->poked = true;
    asleep = p->asleep;
    p->asleep = false;
    pthread_mutex_unlock(&p->lock);
    if (asleep)
        eventfd_write(p->wake, 1);
}

/* last: by its client's thread, which waits until it is given back. */
static void queue(struct reader *s, bool last)
{
    struct publisher *p = s->publisher;
    bool asleep;

    pthread_mutex_lock(&p->lock);
    if (!s->queued)
        ready_add(&p->ready, s);
    s->queued = true;
    s->queued_last |= last;
    asleep = p->asleep;
    p->asleep = false;
    pthread_mutex_unlock(&p->lock);
    if (asleep)
        eventfd_write(p->wake, 1);
}

void publisher_queue(struct reader *s)
{
    queue(s, false);
}

/* ---- the thread ---- */

static void poll_add(struct publisher *p, struct reader *s)
{
    struct epoll_event e = {.events = EPOLLRDHUP, .data.ptr = s};

    LIST_INSERT_HEAD(&p->streams, s, published);
    s->is_polled = epoll_ctl(p->epoll, EPOLL_CTL_ADD, s->fd, &e) == 0;
    if (!s->is_polled)
        reader_end(s, READER_LEFT);
}

static void poll_remove(struct publisher *p, struct reader *s)
{
    if (s->is_polled)
        epoll_ctl(p->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    s->is_polled = false;
}

/* epoll tells of a full connection when it takes more, of every one when it breaks. */
static void poll_set(struct publisher *p, struct reader *s)
{
    bool waits = s->out_at < s->out.size;
    struct epoll_event e = {.events = EPOLLRDHUP | (waits ? EPOLLOUT : 0U), .data.ptr = s};

    if (!s->is_polled || waits == s->watches_out)
        return;
    s->watches_out = waits;
    epoll_ctl(p->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

/* Back to its client's thread; not while it stands in the list of the next round, or its client's
 * thread is about to put it there. */
static void give_back(struct publisher *p, struct reader *s)
{
    bool again;

    pthread_mutex_lock(&p->lock);
    again = s->queued || !s->queued_last;
    pthread_mutex_unlock(&p->lock);
    if (again)
        return;
    poll_remove(p, s);
    LIST_REMOVE(s, published);
    sem_post(&s->given_back); /* s may be gone from here on */
}

static void serve(struct publisher *p, struct reader *s, bool stop)
{
    bool leaving;
    enum reader_end end;

    if (!s->is_begun) {
        s->is_begun = true;
        s->beat_due_us = clock_us() + READER_BEAT_US;
        poll_add(p, s);
    }
    pthread_mutex_lock(&s->lock);
    leaving = s->leaving;
    pthread_mutex_unlock(&s->lock);
    if (leaving) {
        give_back(p, s);
        return;
    }
    reader_pump(s, clock_us());
    if (stop)
        reader_end(s, READER_STOPPED);
    pthread_mutex_lock(&s->lock);
    end = s->end;
    pthread_mutex_unlock(&s->lock);
    if (end)
        poll_remove(p, s);
    else
        poll_set(p, s);
}

static bool batch_take(struct publisher *p, bool *ret_stop)
{
    struct ready done = p->batch;
    bool end;

    done.count = 0;
    pthread_mutex_lock(&p->lock);
    p->batch = p->ready;
    p->ready = done;
    for (size_t i = 0; i < p->batch.count; i++)
        p->batch.list[i]->queued = false;
    p->poked = false;
    *ret_stop = p->stop;
    end = p->end;
    pthread_mutex_unlock(&p->lock);
    return !end;
}

static void tick(struct publisher *p, int64_t now)
{
    struct reader *s;

    if (now < p->tick_due_us)
        return;
    p->tick_due_us = now + PUBLISHER_TICK_MS * 1000;
    LIST_FOREACH(s, &p->streams, published)
    {
        reader_tick(s, now);
        poll_set(p, s);
    }
}

static void all_stop(struct publisher *p)
{
    struct reader *s;

    LIST_FOREACH(s, &p->streams, published)
    reader_end(s, READER_STOPPED);
}

/* Milliseconds until there may be something to do. */
static int rest_ms(struct publisher *p)
{
    int64_t left = p->tick_due_us - clock_us();
    bool busy;

    pthread_mutex_lock(&p->lock);
    busy = p->ready.count > 0 || p->poked;
    p->asleep = !busy;
    pthread_mutex_unlock(&p->lock);
    if (busy)
        return 0;
    if (LIST_EMPTY(&p->streams))
        return -1;
    return left < 0 ? 0 : (int)(left / 1000) + 1;
}

static void events_wait(struct publisher *p)
{
    struct epoll_event events[EVENTS_MAX];
    int wait = rest_ms(p), n;
    eventfd_t ignored;

    if (wait < 0)
        pulse_rest();
    n = epoll_wait(p->epoll, events, EVENTS_MAX, wait);
    pulse_beat(NULL);

    pthread_mutex_lock(&p->lock);
    p->asleep = false;
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < n; i++) {
        struct reader *s = events[i].data.ptr;
        if (!s) {
            eventfd_read(p->wake, &ignored);
        } else if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            reader_hung_up(s);
            poll_remove(p, s);
        } else {
            reader_pump(s, clock_us());
            poll_set(p, s);
        }
    }
}

static void *publisher_run(void *state)
{
    struct publisher *p = state;
    bool stop = false, stopped = false;

    pulse_begin(PULSE_LOOP, "publisher", 0);
    while (batch_take(p, &stop)) {
        for (size_t i = 0; i < p->batch.count; i++)
            serve(p, p->batch.list[i], stop);
        p->batch.count = 0;
        if (stop && !stopped)
            all_stop(p);
        stopped = stop;
        tick(p, clock_us());
        events_wait(p);
    }
    pulse_end();
    return NULL;
}

/* ---- from other threads ---- */

int publisher_new(struct publisher **ret)
{
    struct publisher *p = calloc(1, sizeof *p);
    struct epoll_event e = {.events = EPOLLIN};
    sigset_t all, before;
    int r;

    if (!p)
        abort();
    *ret = p;
    pthread_mutex_init(&p->lock, NULL);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->epoll < 0 || p->wake < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &e) != 0)
        return FAULT("epoll: %m");
    sigfillset(&all); /* signals are for the program's main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&p->thread, NULL, publisher_run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r)
        return FAULT("no thread for a publisher: %s", strerror(r));
    p->started = true;
    return DONE;
}

void publisher_drop(struct publisher **publisher)
{
    struct publisher *p = *publisher;

    if (!p)
        return;
    if (p->started) {
        pthread_mutex_lock(&p->lock);
        p->end = true;
        pthread_mutex_unlock(&p->lock);
        wake(p);
        pthread_join(p->thread, NULL);
    }
    assert(LIST_EMPTY(&p->streams));
    fd_drop(&p->epoll);
    fd_drop(&p->wake);
    free(p->ready.list);
    free(p->batch.list);
    free(TAKE(*publisher));
}

void publisher_add(struct publisher *p, struct reader *s)
{
    pthread_mutex_lock(&s->lock);
    s->publisher = p;
    pthread_mutex_unlock(&s->lock);
    publisher_queue(s);
}

void publisher_remove(struct reader *s)
{
    pthread_mutex_lock(&s->lock);
    s->leaving = true;
    pthread_mutex_unlock(&s->lock);
    queue(s, true);
    while (sem_wait(&s->given_back) && errno == EINTR)
        ;
}

void publisher_count(struct publisher *p, uint64_t bytes, uint64_t events)
{
    atomic_fetch_add_explicit(&p->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->events, events, memory_order_relaxed);
}

void publisher_counts(struct publisher *p, uint64_t *ret_bytes, uint64_t *ret_events)
{
    *ret_bytes = atomic_load_explicit(&p->bytes, memory_order_relaxed);
    *ret_events = atomic_load_explicit(&p->events, memory_order_relaxed);
}

void publisher_stop(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_mutex_unlock(&p->lock);
    wake(p);
}
