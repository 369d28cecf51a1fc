/* Messages of daemons: who may send what, and what it does. */
#include "gateway/broker/intake.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/events.h"
#include "common/log.h"
#include "gateway/broker/peer_calls.h"
#include "gateway/broker/state.h"

#define BATCH   256     /* messages of one socket in a round */
#define WARN_US 1000000 /* at most one line in this time; counters tell the rest */

static void tell(struct broker *b, enum log_level level, const struct service *s, const char *why,
                 const char *what)
{
    char quoted[128];

    if (b->warned_us && b->now_us - b->warned_us < WARN_US)
        return;
    b->warned_us = b->now_us;
    log_line(level, "event=bus_refused service=%s why=%s what=%s", api_svc_name(s->svc), why,
             log_quote(what, quoted, sizeof quoted));
}

/* From somebody who may not. */
static void refuse(struct broker *b, const struct service *s, const char *why, const char *what)
{
    b->stats.refused_peers++;
    tell(b, LOG_LEVEL_WARN, s, why, what);
}

/* From a daemon that speaks before its READY: mostly one that has not noticed yet that we are a
 * successor. */
static void refuse_stranger(struct broker *b, struct service *s, const struct bus_message *m)
{
    b->stats.refused_peers++;
    tell(b, LOG_LEVEL_NOTICE, s, "not_ready", envelope_kind_name(m->e.kind));
    if (m->e.kind == FRAME_REQUEST)
        peer_refuse(b, s, m->route, m->e.id, UNAVAILABLE);
}

/* Not of the protocol. */
static void bad_frame(struct broker *b, const struct service *s, const char *what)
{
    b->stats.bad_frames++;
    tell(b, LOG_LEVEL_WARN, s, "bad_frame", what);
}

static bool instance_valid(const char *instance)
{
    size_t n = strspn(instance, "0123456789abcdefghijklmnopqrstuvwxyz-");

    return n > 0 && n <= INSTANCE_MAX && !instance[n];
}

static void credit_set(struct worker *w, const struct envelope *e)
{
    w->credit[LANE_FAST] = e->credit_fast;
    w->credit[LANE_SLOW] = e->credit_slow;
    w->credit[LANE_WRITE] = e->credit_write;
    w->credit[LANE_HASH] = e->credit_hash;
    w->credit[LANE_BULK] = e->credit_bulk;
    w->service->serve = ~0U;
}

/* Whether whoever that is may serve the service.  A key may have been taken away since it came in.
 */
static bool peer_may(struct broker *b, const struct service *s, const struct bus_peer *from)
{
    return from->remote ? keyring_allows(&b->keys, s->svc, &from->key)
                        : from->uid == b->config.peer_uid[s->svc];
}

static void refuse_peer(struct broker *b, const struct service *s, const struct bus_peer *from)
{
    char whose[CURVE_HEX_SIZE + 32];

    if (from->remote)
        hex_encode(from->key.bytes, sizeof from->key.bytes, whose);
    else
        snprintf(whose, sizeof whose, "uid %d pid %d", (int)from->uid, (int)from->pid);
    refuse(b, s, from->remote ? "wrong_key" : "wrong_uid", whose);
}

static void ready_read(struct broker *b, struct service *s, struct worker *w, struct bus_message *m)
{
    const struct envelope *e = &m->e;
    struct bus_peer from;

    if (strcmp(e->service, api_svc_name(s->svc)) != 0) {
        refuse(b, s, "wrong_service", e->service);
        return;
    }
    if (!bus_message_peer(m, &from) || !peer_may(b, s, &from)) {
        refuse_peer(b, s, &from);
        return;
    }
    if (!instance_valid(e->instance) || (w && strcmp(w->instance, e->instance) != 0)) {
        bad_frame(b, s, e->instance);
        return;
    }
    if (!w && !(w = worker_add(b, s, m->route, e->instance, &from))) {
        refuse(b, s, "too_many", e->instance);
        return;
    }
    credit_set(w, e);
    if (w->state == WORKER_DYING)
        return;
    worker_set_state(b, w, WORKER_READY);
    /* each time, as it may have forgotten; requests are sent at the end of the round */
    topics_tell(b, w);
}

static void ping_read(struct broker *b, struct service *s, struct worker *w,
                      const struct bus_message *m)
{
    struct envelope pong = {.kind = FRAME_PONG, .generation = b->pending.generation};

    pong.known = w && worker_listens(w);
    if (!w) {
        if (bus_socket_send(&s->socket, m->route, &pong, NULL) == BUS_SENT)
            b->stats.frames_out++;
        s->look = true;
        return;
    }
    w->database = m->e.database;
    snprintf(s->note, sizeof s->note, "%s", m->e.note);
    worker_send(b, w, &pong, NULL);
}

static void events_read(struct broker *b, struct worker *w, struct bus_message *m)
{
    const char *data = zmq_msg_data(&m->payload);
    size_t size = zmq_msg_size(&m->payload), at = 0, from = 0;
    struct event e;
    int r;

    if (w->state == WORKER_SILENT) { /* it may have lost what it speaks of */
        b->stats.events_dropped += m->e.count;
        return;
    }
    for (; (r = event_next(data, size, &at, &e)) > 0; from = at)
        topics_event(b, w, &e, data + from, at - from);
    if (r < 0)
        bad_frame(b, w->service, "EVENT");
}

/* From a connection that has said READY. */
static void known_read(struct broker *b, struct worker *w, struct bus_message *m)
{
    bool allowed = true;

    switch (m->e.kind) {
    case FRAME_GOODBYE:
        w->goodbye = true;
        if (w->state == WORKER_READY)
            worker_set_state(b, w, WORKER_DRAINING);
        break;
    case FRAME_REQUEST:
        peer_call_begin(b, w, m);
        break;
    case FRAME_REPLY:
        if (m->e.id >> 32 == b->pending.generation)
            request_reply(b, w, &m->e, &m->payload);
        break;
    case FRAME_FOLLOW:
        allowed = interest_begin(b, w, m->e.topic);
        break;
    case FRAME_UNFOLLOW:
        allowed = interest_end(b, w, m->e.topic);
        break;
    case FRAME_EVENT:
        events_read(b, w, m);
        break;
    case FRAME_DATA:
        transfers_data(b, w, m);
        break;
    case FRAME_WINDOW:
        transfers_window(b, w, m);
        break;
    default: /* what only gateways send */
        bad_frame(b, w->service, envelope_kind_name(m->e.kind));
        break;
    }
    if (!allowed)
        refuse(b, w->service, "topic", m->e.topic);
}

static void message_read(struct broker *b, struct service *s, struct bus_message *m)
{
    struct worker *w = worker_find(s, m->route);

    if (w)
        worker_heard(b, w);
    if (m->e.kind == FRAME_READY) {
        ready_read(b, s, w, m);
    } else if (m->e.kind == FRAME_PING) {
        ping_read(b, s, w, m);
    } else if (w) {
        known_read(b, w, m);
    } else {
        refuse_stranger(b, s, m);
    }
}

void intake_read(struct broker *b, struct service *s)
{
    struct bus_message m;

    for (int i = 0; i < BATCH; i++) {
        switch (bus_socket_receive(&s->socket, &m)) {
        case BUS_NOTHING:
            s->look = false;
            return;
        case BUS_VOID:
            b->stats.frames_in++;
            bad_frame(b, s, "unknown or cut");
            break;
        case BUS_MESSAGE:
            b->stats.frames_in++;
            message_read(b, s, &m);
            bus_message_drop(&m);
            break;
        }
    }
}
