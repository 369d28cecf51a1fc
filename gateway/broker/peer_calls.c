/* Internal requests of daemons: taken on if the table allows, routed like all others, answered to
 * whoever asked. */
#include "gateway/broker/peer_calls.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "gateway/broker/state.h"

struct peer_call {
    struct request request;
    struct bus_request what; /* strings point into head */
    struct worker *from;     /* who asked; outlives this */
    uint64_t id;             /* as the asker knows it */
    zmq_msg_t head, payload;
    LIST_ENTRY(peer_call) of_worker;
};

static void peer_call_free(struct peer_call *p)
{
    LIST_REMOVE(p, of_worker);
    zmq_msg_close(&p->head);
    zmq_msg_close(&p->payload);
    free(p);
}

/* A REPLY goes to whoever asked under the asker's id. */
static void peer_call_done(struct broker *b, struct request *r, const struct envelope *reply,
                           zmq_msg_t *payload, struct worker *by)
{
    struct peer_call *p = (struct peer_call *)((char *)r - offsetof(struct peer_call, request));
    struct envelope e = *reply;

    (void)by;
    e.id = p->id;
    if (p->from->state != WORKER_DYING)
        worker_send(b, p->from, &e, payload);
    peer_call_free(p);
}

void peer_refuse(struct broker *b, struct service *s, uint32_t route, uint64_t id, int status)
{
    struct envelope e = {.kind = FRAME_REPLY, .id = id, .status = (uint16_t)status};

    s->look = true;
    if (bus_socket_send(&s->socket, route, &e, NULL) == BUS_SENT)
        b->stats.frames_out++;
}

static struct bus_request what_of(const struct envelope *e, const struct op *op, size_t body_size)
{
    return (struct bus_request){
        .op = op,
        .caller = (int64_t)e->caller,
        .session = (int64_t)e->session,
        .admin = e->admin,
        .trace = e->trace,
        .key = *e->key ? e->key : NULL,
        .key_ttl = e->key_ttl,
        .to = *e->to ? e->to : NULL,
        .address = e->address,
        .params = e->params,
        .body_size = body_size,
        .deadline_ms =
            e->deadline_ms < PEER_DEADLINE_MAX_MS ? e->deadline_ms : PEER_DEADLINE_MAX_MS,
    };
}

void peer_call_begin(struct broker *b, struct worker *w, struct bus_message *m)
{
    const struct op *op = api_op_named(m->e.op);
    struct peer_call *p;
    struct envelope e;

    if (!op || (int)op->lane >= LANE_COUNT || op->stream ||
        !api_peer_may_call(op, w->service->svc)) {
        b->stats.refused_peers++;
        peer_refuse(b, w->service, w->route, m->e.id, FORBIDDEN);
        return;
    }
    p = calloc(1, sizeof *p);
    if (!p)
        abort();
    zmq_msg_init(&p->head);
    zmq_msg_init(&p->payload);
    zmq_msg_move(&p->head, &m->head);
    zmq_msg_move(&p->payload, &m->payload);
    /* again, as a short frame lies within its zmq_msg_t and has moved */
    if (envelope_decode(zmq_msg_data(&p->head), zmq_msg_size(&p->head), &e))
        abort();
    p->from = w;
    p->id = e.id;
    p->what = what_of(&e, op, zmq_msg_size(&p->payload));
    p->request = (struct request){
        .what = &p->what,
        .payload = &p->payload,
        .deadline_us = b->now_us + p->what.deadline_ms * INT64_C(1000),
        .done = peer_call_done,
    };
    LIST_INSERT_HEAD(&w->calls, p, of_worker);
    request_begin(b, &p->request);
}

void peer_calls_drop(struct broker *b, struct worker *w)
{
    struct peer_call *p;

    while ((p = LIST_FIRST(&w->calls))) {
        request_end(b, &p->request);
        peer_call_free(p);
    }
}
