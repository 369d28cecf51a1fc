#pragma once
/* The daemon's side of the bus in its smallest form, for tests of the broker: a raw DEALER. */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/clock.h"
#include "proto/api.h"
#include "proto/envelope.h"

#define PEER_PING_MS 250

struct peer {
    void *context, *socket;
    enum svc svc;
    char instance[32];
    bool mute;       /* sends no PING by itself */
    int64_t ping_ms; /* next PING */
};

/* A message; e points into head.  peer_message_drop() frees it. */
struct peer_message {
    zmq_msg_t head, payload;
    struct envelope e;
};

static inline void peer_open(struct peer *p, const char *dir, enum svc svc, const char *instance)
{
    char endpoint[160];
    int linger = 1000;

    *p = (struct peer){.svc = svc, .context = zmq_ctx_new()};
    snprintf(p->instance, sizeof p->instance, "%s", instance);
    p->socket = zmq_socket(p->context, ZMQ_DEALER);
    zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof linger);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/gateway/%s/bus", dir, api_svc_name(svc));
    if (zmq_connect(p->socket, endpoint))
        abort();
}

static inline void peer_close(struct peer *p)
{
    zmq_close(p->socket);
    zmq_ctx_term(p->context);
    *p = (struct peer){0};
}

static inline void peer_send(struct peer *p, const struct envelope *e, const void *body, size_t n)
{
    char head[ENVELOPE_HEAD_MAX];
    size_t size = envelope_encode(e, head, sizeof head);

    if (!size || zmq_send(p->socket, head, size, body ? ZMQ_SNDMORE : 0) < 0 ||
        (body && zmq_send(p->socket, body, n, 0) < 0))
        abort();
}

/* The same credit for each lane. */
static inline void peer_ready(struct peer *p, int credit)
{
    uint16_t n = (uint16_t)credit;
    struct envelope e = {.kind = FRAME_READY,
                         .service = api_svc_name(p->svc),
                         .instance = p->instance,
                         .credit_fast = n,
                         .credit_slow = n,
                         .credit_write = n,
                         .credit_hash = n,
                         .credit_bulk = n};
    peer_send(p, &e, NULL, 0);
}

static inline void peer_ping(struct peer *p)
{
    struct envelope e = {
        .kind = FRAME_PING, .instance = p->instance, .database = 1, .note = "demo"};
    peer_send(p, &e, NULL, 0);
    p->ping_ms = clock_ms() + PEER_PING_MS;
}

static inline void peer_reply(struct peer *p, uint64_t id, int status, const char *body)
{
    struct envelope e = {.kind = FRAME_REPLY, .id = id, .status = (uint16_t)status, .http = 200};
    peer_send(p, &e, body, strlen(body));
}

static inline void peer_message_drop(struct peer_message *m)
{
    zmq_msg_close(&m->head);
    zmq_msg_close(&m->payload);
}

/* The next message within ms milliseconds, PINGs are sent meanwhile; false: none came. */
static inline bool peer_receive(struct peer *p, int ms, struct peer_message *ret)
{
    int64_t until = clock_ms() + ms;

    for (;;) {
        int64_t now = clock_ms(), wait = until - now;
        zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};

        if (!p->mute && now >= p->ping_ms)
            peer_ping(p);
        zmq_msg_init(&ret->head);
        zmq_msg_init(&ret->payload);
        if (zmq_msg_recv(&ret->head, p->socket, ZMQ_DONTWAIT) >= 0)
            break;
        if (wait <= 0)
            return false;
        zmq_poll(&item, 1, wait > PEER_PING_MS ? PEER_PING_MS : wait);
    }
    if (zmq_msg_more(&ret->head))
        zmq_msg_recv(&ret->payload, p->socket, 0);
    if (envelope_decode(zmq_msg_data(&ret->head), zmq_msg_size(&ret->head), &ret->e))
        abort();
    return true;
}

/* The next message of that kind, others are passed over. */
static inline bool peer_expect(struct peer *p, enum frame_kind kind, int ms,
                               struct peer_message *ret)
{
    int64_t until = clock_ms() + ms;

    while (peer_receive(p, (int)(until - clock_ms()), ret)) {
        if (ret->e.kind == kind)
            return true;
        peer_message_drop(ret);
    }
    return false;
}
