/* What gateways send to a daemon. */
#include <stdlib.h>
#include <string.h>

#include "common/bus_state.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/events.h"
#include "common/json.h"
#include "common/log.h"
#include "common/serve.h"
#include "common/transfer.h"

#define BATCH_MAX 256 /* messages of one gateway before the others get their turn */

/* What the runtime answers itself, at once. */
static void runtime_serve(struct bus *b, struct job *j)
{
    struct call c = {0};
    struct json_object *json = NULL;
    int64_t started = clock_us();
    void *in = NULL;
    int r;

    call_begin(&c, b->daemon, j);
    r = call_decode(&c, j, &json, &in);
    if (!r)
        r = b->daemon->service->handlers[j->op->id].apply(&c, in);
    call_answer(&c, j, r, started);
    json_drop(&json);
    text_drop(&c.out);
    arena_drop(&c.arena);
    atomic_fetch_sub(&b->daemon->busy, 1);
}

static void request_take(struct bus *b, struct gateway_link *g, struct envelope *e, zmq_msg_t *head,
                         zmq_msg_t *body)
{
    struct job *j = calloc(1, sizeof *j);
    size_t lane;

    if (!j)
        abort();
    zmq_msg_init(&j->head_frame);
    zmq_msg_init(&j->body_frame);
    zmq_msg_move(&j->head_frame, head);
    zmq_msg_move(&j->body_frame, body);
    /* short messages live inside zmq_msg_t, so their strings move with it */
    if (envelope_decode(zmq_msg_data(&j->head_frame), zmq_msg_size(&j->head_frame), e)) {
        job_drop(&j);
        return;
    }
    j->head = *e;
    j->gateway = (int)(g - b->links);
    j->deadline_us = clock_us() + (int64_t)e->deadline_ms * 1000;
    j->op = api_op_named(e->op);
    lane = j->op && b->daemon->service->handlers[j->op->id].mine ? j->op->lane : LANE_FAST;
    if (lane == LANE_BULK) {
        j->transfer = transfer_open(b, j->gateway, g->epoch, e->id);
        transfers_add(&b->transfers, j->transfer);
    }
    atomic_fetch_add(&b->daemon->busy, 1);
    if (lane == LANE_RUNTIME)
        runtime_serve(b, j);
    else
        lane_queue_put(&b->daemon->lanes[lane], j);
}

static void cancel_take(struct bus *b, struct gateway_link *g, uint64_t id)
{
    struct transfer *t = transfers_find(b->transfers, (int)(g - b->links), id);

    if (t)
        transfer_break(t);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        struct job *j = lane_queue_cancel(&b->daemon->lanes[lane], (int)(g - b->links), id);
        if (!j)
            continue;
        /* the answer gives the credit back */
        j->reply = (struct envelope){.kind = FRAME_REPLY, .id = id, .status = TOO_LATE};
        atomic_fetch_sub(&b->daemon->busy, 1);
        text_reserve(&j->reply_head, 256);
        j->reply_head.size = envelope_encode(&j->reply, j->reply_head.data, 256);
        bus_reply(b, j);
        return;
    }
}

static void data_take(struct bus *b, struct gateway_link *g, const struct envelope *e,
                      zmq_msg_t *body)
{
    struct transfer *t = transfers_find(b->transfers, (int)(g - b->links), e->id);

    if (t)
        transfer_data(t, e, body);
}

static void window_take(struct bus *b, struct gateway_link *g, const struct envelope *e)
{
    struct transfer *t = transfers_find(b->transfers, (int)(g - b->links), e->id);

    if (t)
        transfer_window(t, e->n);
}

static void events_take(struct bus *b, zmq_msg_t *body)
{
    struct event e;
    size_t at = 0;

    while (event_next(zmq_msg_data(body), zmq_msg_size(body), &at, &e) == 1)
        if (b->daemon->service->event)
            b->daemon->service->event(b->daemon->state, &e);
}

static void pong_take(struct gateway_link *g, const struct envelope *e)
{
    g->pong_us = clock_us();
    if (!e->known || (g->generation && g->generation != e->generation))
        link_forget(g);
    else
        g->generation = e->generation;
}

static void message_take(struct bus *b, struct gateway_link *g, zmq_msg_t *head, zmq_msg_t *body)
{
    struct envelope e;

    if (envelope_decode(zmq_msg_data(head), zmq_msg_size(head), &e)) {
        log_line(LOG_LEVEL_WARN, "event=bad_frame gateway=%s", g->name);
        return;
    }
    switch (e.kind) {
    case FRAME_REQUEST:
        request_take(b, g, &e, head, body);
        break;
    case FRAME_CANCEL:
        cancel_take(b, g, e.id);
        break;
    case FRAME_REPLY:
        question_answered(b, &e, body);
        break;
    case FRAME_EVENT:
        events_take(b, body);
        break;
    case FRAME_DATA:
        data_take(b, g, &e, body);
        break;
    case FRAME_WINDOW:
        window_take(b, g, &e);
        break;
    case FRAME_PONG:
        pong_take(g, &e);
        break;
    case FRAME_FOLLOW:
        topic_set_remove(&g->topics, e.topic); /* it may ask for less than before */
        topic_set_add(&g->topics, e.topic, e.text);
        break;
    case FRAME_UNFOLLOW:
        topic_set_remove(&g->topics, e.topic);
        break;
    default:
        log_line(LOG_LEVEL_WARN, "event=unexpected_frame kind=%s", envelope_kind_name(e.kind));
    }
}

void link_receive(struct bus *b, struct gateway_link *g)
{
    for (int n = 0; n < BATCH_MAX; n++) {
        zmq_msg_t head, body, rest;
        zmq_msg_init(&head);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&head, g->socket, ZMQ_DONTWAIT) < 0)
            return;
        if (zmq_msg_more(&head))
            zmq_msg_recv(&body, g->socket, 0);
        for (bool more = zmq_msg_more(&body); more;
             more = zmq_msg_more(&rest), zmq_msg_close(&rest)) {
            zmq_msg_init(&rest);
            zmq_msg_recv(&rest, g->socket, 0);
        }
        message_take(b, g, &head, &body);
        zmq_msg_close(&head);
        zmq_msg_close(&body);
    }
}
