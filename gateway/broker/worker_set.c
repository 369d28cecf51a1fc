/* Workers: who is there, in which state, and what follows from a change of it. */
#include "gateway/broker/worker_set.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "common/log.h"
#include "gateway/broker/peer_calls.h"
#include "gateway/broker/queue.h"
#include "gateway/broker/state.h"

static const struct {
    const char *name;
    unsigned to; /* bit per state that may follow */
} states[] = {
    [WORKER_NEW] = {"new", 1 << WORKER_READY | 1 << WORKER_DYING},
    [WORKER_READY] = {"ready", 1 << WORKER_DRAINING | 1 << WORKER_SILENT | 1 << WORKER_DYING},
    [WORKER_DRAINING] = {"draining", 1 << WORKER_READY | 1 << WORKER_SILENT | 1 << WORKER_DYING},
    [WORKER_SILENT] = {"silent", 1 << WORKER_READY | 1 << WORKER_DRAINING | 1 << WORKER_DYING},
    [WORKER_DYING] = {"dying", 0},
};

struct worker *worker_find(struct service *s, uint32_t route)
{
    for (unsigned i = 0; i < s->workers; i++)
        if (s->worker[i]->route == route)
            return s->worker[i];
    return NULL;
}

struct worker *worker_ready_named(struct service *s, const char *instance)
{
    for (unsigned i = 0; i < s->workers; i++)
        if (s->worker[i]->state == WORKER_READY && strcmp(s->worker[i]->instance, instance) == 0)
            return s->worker[i];
    return NULL;
}

/* Best effort: without it the silence of a dead worker is noticed later. */
static void pid_watch(struct broker *b, struct worker *w)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};

    w->pidfd = w->from.pid > 0 ? pidfd_open(w->from.pid, 0) : -1;
    if (w->pidfd >= 0 && epoll_ctl(b->epoll, EPOLL_CTL_ADD, w->pidfd, &e))
        fd_drop(&w->pidfd);
}

struct worker *worker_add(struct broker *b, struct service *s, uint32_t route, const char *instance,
                          const struct bus_peer *from)
{
    struct worker *w;

    for (unsigned i = 0; i < s->workers; i++)
        if (strcmp(s->worker[i]->instance, instance) == 0)
            worker_dies(b, s->worker[i], b->now_us);
    if (s->workers == WORKERS_MAX)
        return NULL;
    w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->service = s;
    w->route = route;
    w->from = *from;
    w->heard_us = b->now_us;
    strncpy(w->instance, instance, INSTANCE_MAX);
    pid_watch(b, w);
    s->worker[s->workers++] = w;
    return w;
}

static void ready_enter(struct worker *w)
{
    w->goodbye = false;
    w->service->ready++;
    w->service->serve = ~0U;
}

static void ready_leave(struct broker *b, struct worker *w)
{
    if (--w->service->ready == 0)
        w->service->down_us = b->now_us;
    requests_refuse_own(b, w);
}

void worker_set_state(struct broker *b, struct worker *w, enum worker_state to)
{
    enum worker_state from = w->state;

    if (from == to)
        return;
    assert(states[from].to & 1U << to);
    w->state = to;
    log_line(LOG_LEVEL_NOTICE, "event=worker service=%s instance=%s pid=%d state=%s was=%s",
             api_svc_name(w->service->svc), w->instance, (int)w->from.pid, states[to].name,
             states[from].name);
    if (from == WORKER_READY)
        ready_leave(b, w);
    if (to == WORKER_READY)
        ready_enter(w);
    if (to == WORKER_SILENT)
        requests_lose(b, w);
}

void worker_heard(struct broker *b, struct worker *w)
{
    w->heard_us = b->now_us;
    if (w->state == WORKER_SILENT && w->goodbye) {
        worker_set_state(b, w, WORKER_DRAINING);
        topics_tell(b, w);
    }
}

void worker_dies(struct broker *b, struct worker *w, int64_t bury_us)
{
    if (w->state != WORKER_DYING || bury_us < w->bury_us)
        w->bury_us = bury_us;
    if (w->bury_us < b->bury_us)
        b->bury_us = w->bury_us;
    if (w->pidfd >= 0)
        epoll_ctl(b->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
    fd_drop(&w->pidfd);
    worker_set_state(b, w, WORKER_DYING);
}

bool worker_listens(const struct worker *w)
{
    return w->state == WORKER_READY || w->state == WORKER_DRAINING;
}

enum bus_sent worker_send(struct broker *b, struct worker *w, const struct envelope *e,
                          zmq_msg_t *payload)
{
    enum bus_sent r = bus_socket_send(&w->service->socket, w->route, e, payload);

    w->service->look = true;
    if (r == BUS_SENT)
        b->stats.frames_out++;
    else if (r == BUS_TOO_BIG)
        FAULT("%s of %s does not fit into a frame", envelope_kind_name(e->kind),
              e->op ? e->op : "-");
    else if (r == BUS_GONE)
        worker_dies(b, w, b->now_us);
    else if (worker_listens(w))
        worker_set_state(b, w, WORKER_SILENT);
    return r;
}

bool worker_has_credit(const struct worker *w, enum lane lane)
{
    return w->state == WORKER_READY && w->in_flight[lane] < w->credit[lane];
}

void workers_check_keys(struct broker *b)
{
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        struct service *s = &b->service[svc];
        for (unsigned i = 0; i < s->workers; i++)
            if (s->worker[i]->from.remote &&
                !keyring_allows(&b->keys, s->svc, &s->worker[i]->from.key))
                worker_dies(b, s->worker[i], b->now_us);
    }
}

void workers_tick(struct broker *b)
{
    /* When this process itself stood still, their messages are still on the way. */
    bool slept = b->now_us - b->tick_us > TICK_US + SILENCE_US / 2;

    b->tick_us = b->now_us;
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        struct service *s = &b->service[svc];
        for (unsigned i = 0; i < s->workers; i++) {
            struct worker *w = s->worker[i];
            if (slept)
                w->heard_us = b->now_us;
            if (worker_listens(w) && b->now_us - w->heard_us > SILENCE_US)
                worker_set_state(b, w, WORKER_SILENT);
            if (w->state == WORKER_SILENT && b->now_us - w->heard_us > FORGET_US)
                worker_dies(b, w, b->now_us);
        }
        if (s->ready == 0 && b->now_us - s->down_us >= b->config.grace_ms * INT64_C(1000))
            requests_refuse_service(b, s);
    }
}

static void worker_free(struct broker *b, struct worker *w)
{
    struct flight *f;

    requests_lose(b, w);
    while ((f = LIST_FIRST(&w->lost)))
        flight_end(&b->pending, f);
    peer_calls_drop(b, w);
    interests_drop(b, w);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        queue_drop(&w->own[lane]);
    text_drop(&w->relay);
    fd_drop(&w->pidfd);
    free(w);
}

void workers_bury(struct broker *b)
{
    if (b->now_us < b->bury_us)
        return;
    b->bury_us = INT64_MAX;
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        struct service *s = &b->service[svc];
        for (unsigned i = s->workers; i-- > 0;) {
            struct worker *w = s->worker[i];
            if (w->state != WORKER_DYING)
                continue;
            if (w->bury_us > b->now_us) {
                b->bury_us = w->bury_us < b->bury_us ? w->bury_us : b->bury_us;
                continue;
            }
            s->worker[i] = s->worker[--s->workers];
            worker_free(b, w);
        }
    }
}

void workers_drop(struct broker *b)
{
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        for (unsigned i = 0; i < b->service[svc].workers; i++)
            worker_dies(b, b->service[svc].worker[i], 0);
    workers_bury(b);
}

void service_describe(const struct service *s, struct service_state *ret)
{
    *ret = (struct service_state){
        .instances = (int)s->ready,
        .database = s->ready > 0,
        .requests = s->requests,
        .replies = s->replies,
        .busy = s->busy,
        .late = s->late,
        .retried = s->retried,
        .lost = s->lost,
    };
    memcpy(ret->note, s->note, sizeof ret->note);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        ret->queued[lane] = queue_length(s->queue[lane]);
    for (unsigned i = 0; i < s->workers; i++) {
        const struct worker *w = s->worker[i];
        ret->database &= w->database || w->state != WORKER_READY;
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            ret->in_flight[lane] += w->in_flight[lane];
            ret->credit[lane] += w->state == WORKER_READY ? w->credit[lane] : 0;
            ret->queued[lane] += w->own[lane] ? queue_length(w->own[lane]) : 0;
        }
    }
}
