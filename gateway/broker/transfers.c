/* Uploads and downloads on the broker's thread. */
#include "gateway/broker/transfers.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "gateway/broker/calls.h"
#include "gateway/broker/state.h"
#include "gateway/broker/transfer_state.h"

#define ROUND_MAX                   4 /* pieces: what comes next waits for no more than 256 KiB */

#define CONTAINER(type, member_, p) ((type *)((char *)(p)-offsetof(type, member_)))

struct piece *piece_new(struct broker_transfer *t)
{
    struct piece *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    p->of = t;
    zmq_msg_init(&p->msg);
    return p;
}

void piece_drop(struct piece **p)
{
    if (!*p)
        return;
    zmq_msg_close(&(*p)->msg);
    free(TAKE(*p));
}

void pieces_drop(struct piece_list *list)
{
    struct piece *p;

    while ((p = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, p, next);
        piece_drop(&p);
    }
}

void transfers_init(struct transfers *t)
{
    LIST_INIT(&t->all);
    TAILQ_INIT(&t->turns);
}

bool transfer_is_bound(const struct broker_transfer *t)
{
    return t->bound;
}

bool transfer_is_bound_to(const struct broker_transfer *t, uint64_t id)
{
    return t->bound && t->id == id;
}

void transfers_stream(struct broker_transfer *t, uint64_t id)
{
    t->id = id;
    t->bound = true;
}

void transfers_break(struct broker_transfer *t)
{
    t->id = 0;
    pthread_mutex_lock(&t->lock);
    t->broken = true;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

/* Nothing more is sent. */
static void out_end(struct broker_transfer *t)
{
    if (t->in_turn)
        TAILQ_REMOVE(&t->broker->transfers.turns, t, turn);
    t->in_turn = false;
    pieces_drop(&t->out);
}

void transfer_done(struct broker *b, struct request *r, const struct envelope *reply,
                   zmq_msg_t *payload, struct worker *by)
{
    struct broker_transfer *t = r->transfer;

    (void)b;
    (void)by;
    t->asked = false;
    if (!reply->stream)
        t->id = 0;
    out_end(t);
    pthread_mutex_lock(&t->lock);
    bus_reply_fill(&t->reply, reply, payload);
    t->replied = true;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

void transfer_begin_run(struct broker *b, struct command *c)
{
    struct broker_transfer *t = CONTAINER(struct broker_transfer, begin, c);

    LIST_INSERT_HEAD(&b->transfers.all, t, all);
    t->asked = true;
    request_begin(b, &t->request);
}

/* A download that nobody reads any more; its worker still owes the last DATA. */
static void stream_cancel(struct broker *b, struct broker_transfer *t)
{
    struct flight *f = t->id ? flight_find(&b->pending, t->id) : NULL;
    const struct envelope cancel = {.kind = FRAME_CANCEL, .id = t->id};

    t->id = 0;
    if (!f || f->transfer != t)
        return;
    f->transfer = NULL;
    if (worker_listens(f->worker))
        worker_send(b, f->worker, &cancel, NULL);
}

void transfers_break_all(struct broker *b)
{
    struct broker_transfer *t;

    LIST_FOREACH(t, &b->transfers.all, all)
    {
        stream_cancel(b, t);
        transfers_break(t);
    }
}

void transfer_end_run(struct broker *b, struct command *c)
{
    struct broker_transfer *t = CONTAINER(struct broker_transfer, end, c);

    if (t->asked)
        request_end(b, &t->request);
    else
        stream_cancel(b, t);
    out_end(t);
    LIST_REMOVE(t, all);
    sem_post(&t->ended);
}

void transfer_piece_run(struct broker *b, struct command *c)
{
    struct piece *p = CONTAINER(struct piece, command, c);
    struct broker_transfer *t = p->of;

    if (!t->asked || !t->id) {
        piece_drop(&p);
        return;
    }
    TAILQ_INSERT_TAIL(&t->out, p, next);
    if (!t->in_turn)
        TAILQ_INSERT_TAIL(&b->transfers.turns, t, turn);
    t->in_turn = true;
}

/* Progress: the deadline is that long away again. */
static void renew(struct broker *b, struct request *r)
{
    int64_t due = b->now_us + DATA_SILENCE_MS * INT64_C(1000);

    if (due <= r->deadline_us)
        return;
    r->deadline_us = due;
    timers_set(&b->timers, &r->timer, due);
}

/* The first piece of t; sending it may end t's request, and with it the rest of the pieces. */
static void piece_send(struct broker *b, struct broker_transfer *t)
{
    struct piece *p = TAILQ_FIRST(&t->out);
    struct flight *f = flight_find(&b->pending, t->id);
    struct envelope e = {.kind = FRAME_DATA, .id = t->id, .n = ++t->sent, .last = p->last};

    TAILQ_REMOVE(&t->out, p, next);
    if (f && !f->lost && worker_send(b, f->worker, &e, &p->msg) == BUS_SENT)
        renew(b, &t->request);
    zmq_msg_init(&p->msg); /* was taken */
    piece_drop(&p);
}

void transfers_serve(struct broker *b)
{
    struct broker_transfer *t;

    for (int i = 0; i < ROUND_MAX && (t = TAILQ_FIRST(&b->transfers.turns)); i++) {
        TAILQ_REMOVE(&b->transfers.turns, t, turn);
        t->in_turn = false;
        piece_send(b, t);
        if (TAILQ_EMPTY(&t->out))
            continue;
        TAILQ_INSERT_TAIL(&b->transfers.turns, t, turn);
        t->in_turn = true;
    }
}

bool transfers_wait(const struct broker *b)
{
    return !TAILQ_EMPTY(&b->transfers.turns);
}

void transfers_window(struct broker *b, struct worker *w, const struct bus_message *m)
{
    struct flight *f = flight_find(&b->pending, m->e.id);
    struct broker_transfer *t = f && f->request ? f->request->transfer : NULL;

    if (!t || f->worker != w || f->lost || (t->bound && t->id != m->e.id))
        return;
    t->bound = true;
    t->id = m->e.id;
    renew(b, &t->request);
    pthread_mutex_lock(&t->lock);
    if (m->e.n > t->window)
        t->window = m->e.n;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

static bool data_fits(const struct broker_transfer *t, struct bus_message *m)
{
    return m->e.n == t->came + 1 && (m->e.last || m->e.n <= t->granted) &&
           zmq_msg_size(&m->payload) <= DATA_MAX && m->e.last <= DATA_BROKEN;
}

static void data_take(struct broker *b, struct broker_transfer *t, struct bus_message *m)
{
    struct piece *p;

    if (!data_fits(t, m)) {
        stream_cancel(b, t);
        transfers_break(t);
        return;
    }
    t->came++;
    p = piece_new(t);
    zmq_msg_move(&p->msg, &m->payload);
    p->last = m->e.last;
    pthread_mutex_lock(&t->lock);
    t->broken |= m->e.last == DATA_BROKEN;
    t->last_came |= m->e.last == DATA_LAST;
    TAILQ_INSERT_TAIL(&t->in, p, next);
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

void transfers_data(struct broker *b, struct worker *w, struct bus_message *m)
{
    struct flight *f = flight_find(&b->pending, m->e.id);
    struct broker_transfer *t;

    if (!f || f->worker != w || !f->streams)
        return;
    t = f->transfer;
    if (m->e.last) { /* which gives the credit back */
        w->service->serve |= 1U << f->lane;
        flight_end(&b->pending, f);
        if (t)
            t->id = 0;
    }
    if (t)
        data_take(b, t, m);
}

void transfer_grant_run(struct broker *b, struct command *c)
{
    struct broker_transfer *t = CONTAINER(struct broker_transfer, grant, c);
    struct flight *f = t->id ? flight_find(&b->pending, t->id) : NULL;
    struct envelope e = {.kind = FRAME_WINDOW, .id = t->id};

    pthread_mutex_lock(&t->lock);
    t->granting = false;
    e.n = t->taken + DATA_WINDOW;
    pthread_mutex_unlock(&t->lock);
    if (!f || f->transfer != t || t->granted == e.n)
        return;
    t->granted = e.n;
    worker_send(b, f->worker, &e, NULL);
}
