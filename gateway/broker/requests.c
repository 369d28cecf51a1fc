/* Requests from the moment the broker takes charge of them to their one answer. */
#include "gateway/broker/requests.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "gateway/broker/state.h"

#define COST_BYTES 4096 /* of body, for which a request counts as one more */

static const unsigned queue_limits[LANE_COUNT] = {
    [LANE_FAST] = 2048, [LANE_SLOW] = 64, [LANE_WRITE] = 512, [LANE_HASH] = 20, [LANE_BULK] = 64};

struct queue *requests_queue_new(enum lane lane)
{
    return queue_new(queue_limits[lane]);
}

#define REQUEST_OF(member_, p) ((struct request *)((char *)(p)-offsetof(struct request, member_)))

static enum lane lane_of(const struct request *r)
{
    return r->what->op->lane == LANE_RUNTIME ? LANE_FAST : r->what->op->lane;
}

/* Whose share of the service a request uses. */
static uint64_t fair_key(const struct bus_request *what)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    if (what->caller)
        return (uint64_t)what->caller;
    for (const char *p = what->address ? what->address : ""; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return hash | UINT64_C(1) << 63;
}

/* A method that changes nothing, an internal operation, or a key that makes a repeat harmless; but
 * nobody has an upload's bytes any more. */
static bool repeatable(const struct request *r)
{
    const struct bus_request *what = r->what;

    if (r->transfer && transfer_is_bound(r->transfer))
        return false;
    return what->op->method == METHOD_GET || what->op->method == METHOD_NONE || what->key;
}

/* Takes r's sendings from it and tells their workers.  All are taken before the first is told:
 * telling may show that a worker is gone, and what it holds must not find r any more. */
static void flights_cancel(struct broker *b, struct request *r)
{
    struct {
        struct worker *worker;
        uint64_t id;
    } told[LOSSES_MAX + 2];
    struct envelope cancel = {.kind = FRAME_CANCEL};
    struct flight *f;
    size_t n = 0;

    while ((f = LIST_FIRST(&r->flights))) {
        assert(n < sizeof told / sizeof *told);
        told[n].worker = f->worker;
        told[n++].id = f->id;
        if (f->lost)
            flight_end(&b->pending, f);
        else
            flight_orphan(f);
    }
    while (n-- > 0) {
        cancel.id = told[n].id;
        if (worker_listens(told[n].worker))
            worker_send(b, told[n].worker, &cancel, NULL);
    }
}

void request_end(struct broker *b, struct request *r)
{
    if (r->queue)
        queue_remove(r->queue, &r->item);
    r->queue = NULL;
    timers_unset(&b->timers, &r->timer);
    LIST_REMOVE(r, all);
    b->stats.pending--;
    flights_cancel(b, r);
}

/* The broker's own answer. */
static void refuse(struct broker *b, struct request *r, int status)
{
    struct envelope e = {.kind = FRAME_REPLY, .status = (uint16_t)status};

    if (status == BUSY)
        r->service->busy++;
    if (status == TOO_LATE)
        r->service->late++;
    if (status == BUSY || status == UNAVAILABLE)
        e.retry_after = 1;
    request_end(b, r);
    r->done(b, r, &e, NULL, NULL);
}

/* The queue where r has to wait; NULL: nobody will come for it. */
static struct queue *queue_for(struct broker *b, struct request *r, struct worker **ret_to)
{
    struct service *s = r->service;
    enum lane lane = lane_of(r);
    struct worker *w = NULL;

    *ret_to = NULL;
    if (!r->what->to) {
        bool down = s->ready == 0 && b->now_us - s->down_us >= b->config.grace_ms * INT64_C(1000);
        return down ? NULL : s->queue[lane];
    }
    *ret_to = w = worker_ready_named(s, r->what->to);
    if (w && !w->own[lane])
        w->own[lane] = requests_queue_new(lane);
    return w ? w->own[lane] : NULL;
}

static void lane_serve(struct broker *b, struct service *s, enum lane lane);

static void enqueue(struct broker *b, struct request *r)
{
    struct worker *to;
    struct queue *q = queue_for(b, r, &to);
    struct queue_item *out = NULL;

    if (q && queue_full(q)) /* of a burst, what credit allows does not count */
        lane_serve(b, r->service, lane_of(r));
    if (!q || (to && to->state != WORKER_READY)) {
        refuse(b, r, UNAVAILABLE);
        return;
    }
    if (!queue_push(q, &r->item, fair_key(r->what), 1 + (uint32_t)(r->what->body_size / COST_BYTES),
                    &out)) {
        refuse(b, r, BUSY);
        return;
    }
    r->queue = q;
    r->service->serve |= 1U << lane_of(r);
    if (out) {
        REQUEST_OF(item, out)->queue = NULL;
        refuse(b, REQUEST_OF(item, out), BUSY);
    }
}

/* Back into the queue, before all others. */
static void enqueue_front(struct broker *b, struct request *r)
{
    struct worker *to;
    struct queue *q = queue_for(b, r, &to);

    if (!q) {
        refuse(b, r, UNAVAILABLE);
        return;
    }
    queue_push_front(q, &r->item);
    r->queue = q;
    r->service->serve |= 1U << lane_of(r);
}

void request_begin(struct broker *b, struct request *r)
{
    struct service *s = &b->service[r->what->op->svc];

    assert(r->what->op->svc < BUS_SERVICES && (int)lane_of(r) < LANE_COUNT);
    r->service = s;
    s->requests++;
    b->stats.pending++;
    LIST_INIT(&r->flights);
    LIST_INSERT_HEAD(&b->requests, r, all);
    timers_set(&b->timers, &r->timer, r->deadline_us);
    if (b->closing)
        refuse(b, r, UNAVAILABLE);
    else if (r->deadline_us <= b->now_us)
        refuse(b, r, TOO_LATE);
    else
        enqueue(b, r);
}

/* ---- sending ---- */

static struct envelope request_envelope(const struct broker *b, const struct request *r)
{
    const struct bus_request *what = r->what;
    int64_t left_ms = (r->deadline_us - b->now_us) / 1000;

    return (struct envelope){
        .kind = FRAME_REQUEST,
        .op = what->op->name,
        .caller = (uint64_t)what->caller,
        .session = (uint64_t)what->session,
        .admin = what->admin,
        .trace = what->trace,
        .deadline_ms = left_ms > 0 ? (uint32_t)left_ms : 1,
        .key = what->key,
        .key_ttl = what->key_ttl,
        .to = what->to,
        .address = what->address,
        .params = what->params,
        .stream = what->op->stream == STREAM_UPLOAD,
        .text = what->on_turn && what->on_turn_text,
    };
}

static void payload_fill(const struct request *r, zmq_msg_t *ret)
{
    if (r->payload) {
        zmq_msg_init(ret);
        zmq_msg_copy(ret, r->payload);
    } else {
        if (zmq_msg_init_size(ret, r->what->body_size))
            abort();
        if (r->what->body_size)
            memcpy(zmq_msg_data(ret), r->what->body, r->what->body_size);
    }
}

static void request_send(struct broker *b, struct request *r, struct worker *w)
{
    struct envelope e = request_envelope(b, r);
    zmq_msg_t payload;

    e.id = pending_id(&b->pending);
    payload_fill(r, &payload);
    switch (worker_send(b, w, &e, &payload)) {
    case BUS_SENT:
        flight_begin(&b->pending, e.id, r, w, lane_of(r));
        break;
    case BUS_TOO_BIG:
        refuse(b, r, INTERNAL);
        break;
    case BUS_FULL:
    case BUS_GONE:
        enqueue_front(b, r);
        break;
    }
}

/* What w has to do next: its own queue and the service's take turns. */
static struct request *next_for(struct worker *w, enum lane lane)
{
    struct queue *own = w->own[lane], *shared = w->service->queue[lane];
    struct queue_item *item = NULL;
    struct request *r;

    if (own && (w->own_turn || !queue_length(shared)))
        item = queue_pop(own);
    w->own_turn = !item;
    if (!item)
        item = queue_pop(shared);
    if (!item)
        return NULL;
    r = REQUEST_OF(item, item);
    r->queue = NULL;
    return r;
}

/* The worker with the most credit left among those that have something to do. */
static struct worker *worker_pick(struct service *s, enum lane lane)
{
    struct worker *best = NULL;
    unsigned most = 0, shared = queue_length(s->queue[lane]);

    for (unsigned i = 0; i < s->workers; i++) {
        struct worker *w = s->worker[(s->next + i) % s->workers];
        if (!worker_has_credit(w, lane) || w->credit[lane] - w->in_flight[lane] <= most)
            continue;
        if (!shared && !(w->own[lane] && queue_length(w->own[lane])))
            continue;
        best = w;
        most = w->credit[lane] - w->in_flight[lane];
    }
    s->next++;
    return best;
}

static void lane_serve(struct broker *b, struct service *s, enum lane lane)
{
    struct worker *w;
    struct request *r;

    while ((w = worker_pick(s, lane)) && (r = next_for(w, lane)))
        request_send(b, r, w);
}

void requests_serve(struct broker *b, struct service *s)
{
    unsigned lanes = s->serve;

    s->serve = 0;
    for (int lane = 0; lane < LANE_COUNT; lane++)
        if (lanes & 1U << lane)
            lane_serve(b, s, (enum lane)lane);
}

/* ---- answers ---- */

/* A request that was sent and is not waiting in a queue: is any sending of it still alive? */
static bool under_way(const struct request *r)
{
    const struct flight *f;

    LIST_FOREACH(f, &r->flights, of_request)
    if (!f->lost)
        return true;
    return r->queue;
}

/* A REPLY ends its sending and gives the credit back, unless DATA follows: then the last DATA does.
 */
static void reply_flight(struct broker *b, struct flight *f, const struct envelope *e)
{
    struct request *r = f->request;

    if (!e->stream || e->status != DONE || f->lane != LANE_BULK) {
        flight_end(&b->pending, f);
        return;
    }
    f->streams = true;
    if (!r)
        return;
    flight_orphan(f);
    f->transfer = r->transfer;
    transfers_stream(r->transfer, e->id);
}

/* A download that begins at a worker which was given up meanwhile, and has given up this gateway:
 * its bytes would not come to an end, and the request was sent to another one. */
static void stream_refuse(struct broker *b, struct flight *f)
{
    const struct envelope cancel = {.kind = FRAME_CANCEL, .id = f->id};
    struct worker *w = f->worker;

    flight_end(&b->pending, f);
    if (worker_listens(w))
        worker_send(b, w, &cancel, NULL);
}

void request_reply(struct broker *b, struct worker *w, const struct envelope *e, zmq_msg_t *payload)
{
    struct flight *f = flight_find(&b->pending, e->id);
    struct request *r;
    bool stale; /* the bytes went to another worker */

    if (!f || f->worker != w || f->streams)
        return; /* of another generation, or of a worker that was given up since */
    if (f->lost && e->stream) {
        stream_refuse(b, f);
        return;
    }
    r = f->request;
    stale = r && r->transfer && transfer_is_bound(r->transfer) &&
            !transfer_is_bound_to(r->transfer, e->id);
    w->service->replies++;
    w->service->serve |= 1U << f->lane;
    reply_flight(b, f, e);
    if (!r || stale)
        return;
    if (e->status == IN_FLIGHT && r->what->retry_in_flight) {
        if (!under_way(r))
            timers_set(&b->timers, &r->timer,
                       r->deadline_us < b->now_us + RETRY_US ? r->deadline_us
                                                             : b->now_us + RETRY_US);
        return;
    }
    request_end(b, r);
    r->done(b, r, e, payload, w);
}

void requests_due(struct broker *b)
{
    struct timer *t;

    while ((t = timers_first(&b->timers)) && t->due_us <= b->now_us) {
        struct request *r = REQUEST_OF(timer, t);
        if (r->deadline_us <= b->now_us) {
            refuse(b, r, TOO_LATE);
            continue;
        }
        timers_set(&b->timers, t, r->deadline_us);
        r->service->retried++;
        enqueue_front(b, r);
    }
}

void requests_lose(struct broker *b, struct worker *w)
{
    struct flight *f;

    while ((f = LIST_FIRST(&w->flights))) {
        struct request *r = f->request;
        if (!r) {
            if (f->transfer)
                transfers_break(f->transfer);
            flight_end(&b->pending, f);
            continue;
        }
        flight_lose(f);
        if (repeatable(r) && !r->what->to && ++r->losses <= LOSSES_MAX) {
            r->service->retried++;
            enqueue_front(b, r);
        } else {
            r->service->lost++;
            refuse(b, r, UNAVAILABLE);
        }
    }
}

static void queue_refuse(struct broker *b, struct queue *q)
{
    struct queue_item *item;

    while (q && (item = queue_pop(q))) {
        REQUEST_OF(item, item)->queue = NULL;
        refuse(b, REQUEST_OF(item, item), UNAVAILABLE);
    }
}

void requests_refuse_own(struct broker *b, struct worker *w)
{
    for (int lane = 0; lane < LANE_COUNT; lane++)
        queue_refuse(b, w->own[lane]);
}

void requests_refuse_service(struct broker *b, struct service *s)
{
    for (int lane = 0; lane < LANE_COUNT; lane++)
        queue_refuse(b, s->queue[lane]);
}

void requests_refuse_all(struct broker *b)
{
    struct request *r;

    while ((r = LIST_FIRST(&b->requests)))
        refuse(b, r, UNAVAILABLE);
}
