/*
 * The broker without its thread and sockets: daemons that say anything at any time, callers,
 * followers, and a clock that jumps.  Each request is answered exactly once, each account is true,
 * and nothing is left at the end.
 */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/events.h"
#include "common/log.h"
#include "common/text.h"
#include "gateway/broker/intake.h"
#include "gateway/broker/peer_calls.h"
#include "gateway/broker/state.h"
#include "tests/fuzz/fuzz.h"

#define CALLERS   32
#define FOLLOWERS 8
#define ROUTES    4
#define SENT_MAX  64
#define MESSAGES  8
#define END_US    INT64_C(1000000000)

struct input {
    const uint8_t *data;
    size_t size;
};

struct caller {
    struct request request;
    struct bus_request what;
    bool waits;
};

/* What came in but was not read yet. */
struct message {
    uint32_t route;
    char head[1024];
    size_t size;
    struct text payload;
    bool stranger;
};

static struct broker *broker;
static struct caller callers[CALLERS];
static struct follower *followers[FOLLOWERS];
static struct message inbound;
static struct service *inbound_for;
static enum bus_sent sends[ROUTES]; /* how sending to that route ends */
static struct {
    uint64_t id;
    uint32_t route;
    enum svc svc;
} sent[SENT_MAX]; /* newest REQUESTs */
static unsigned sent_count;

static uint8_t byte_take(struct input *in)
{
    if (!in->size)
        return 0;
    in->size--;
    return *in->data++;
}

/* ---- gateway/broker/bus_socket.h without sockets ---- */

int bus_socket_open(struct bus_socket *s, void *context, const char *path, gid_t group)
{
    (void)s, (void)context, (void)path, (void)group;
    return DONE;
}

void bus_socket_close(struct bus_socket *s)
{
    (void)s;
}

bool bus_socket_readable(struct bus_socket *s)
{
    (void)s;
    return false;
}

enum bus_got bus_socket_receive(struct bus_socket *s, struct bus_message *ret)
{
    if (!inbound_for || s != &inbound_for->socket)
        return BUS_NOTHING;
    inbound_for = NULL;
    ret->route = inbound.route;
    zmq_msg_init_size(&ret->head, inbound.size);
    memcpy(zmq_msg_data(&ret->head), inbound.head, inbound.size);
    zmq_msg_init_size(&ret->payload, inbound.payload.size);
    if (inbound.payload.size)
        memcpy(zmq_msg_data(&ret->payload), inbound.payload.data, inbound.payload.size);
    if (envelope_decode(zmq_msg_data(&ret->head), zmq_msg_size(&ret->head), &ret->e) == 0)
        return BUS_MESSAGE;
    bus_message_drop(ret);
    return BUS_VOID;
}

void bus_message_drop(struct bus_message *m)
{
    zmq_msg_close(&m->head);
    zmq_msg_close(&m->payload);
}

bool bus_message_peer(struct bus_message *m, uid_t *ret_uid, pid_t *ret_pid)
{
    (void)m;
    *ret_uid = inbound.stranger;
    *ret_pid = 0;
    return true;
}

enum bus_sent bus_socket_send(struct bus_socket *s, uint32_t route, const struct envelope *e,
                              zmq_msg_t *payload)
{
    char head[ENVELOPE_HEAD_MAX];
    enum bus_sent r = envelope_encode(e, head, sizeof head) ? sends[route % ROUTES] : BUS_TOO_BIG;

    for (int svc = 0; svc < BUS_SERVICES; svc++)
        if (s == &broker->service[svc].socket && e->kind == FRAME_REQUEST && r == BUS_SENT) {
            sent[sent_count % SENT_MAX].id = e->id;
            sent[sent_count % SENT_MAX].route = route;
            sent[sent_count++ % SENT_MAX].svc = (enum svc)svc;
        }
    if (payload)
        zmq_msg_close(payload);
    return r;
}

/* ---- one run ---- */

static void round_run(void)
{
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        intake_read(broker, &broker->service[svc]);
    requests_due(broker);
    workers_tick(broker);
    workers_bury(broker);
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        requests_serve(broker, &broker->service[svc]);
    topics_flush(broker);
}

static void worker_check(const struct worker *w)
{
    unsigned counted[LANE_COUNT] = {0};
    const struct flight *f;

    LIST_FOREACH(f, &w->flights, of_worker)
    {
        must(!f->lost && f->worker == w);
        counted[f->lane]++;
    }
    LIST_FOREACH(f, &w->lost, of_worker)
    must(f->lost && f->request && f->worker == w);
    must(memcmp(counted, w->in_flight, sizeof counted) == 0);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        must(w->state == WORKER_READY || !w->own[lane] || queue_length(w->own[lane]) == 0);
}

static void state_check(void)
{
    unsigned waiting = 0;

    for (int i = 0; i < CALLERS; i++)
        waiting += callers[i].waits;
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        const struct service *s = &broker->service[svc];
        unsigned ready = 0;
        for (unsigned i = 0; i < s->workers; i++) {
            const struct peer_call *p = LIST_FIRST(&s->worker[i]->calls);
            worker_check(s->worker[i]);
            ready += s->worker[i]->state == WORKER_READY;
            must(!p || s->worker[i]->state != WORKER_NEW);
        }
        must(ready == s->ready);
    }
    must(broker->stats.pending >= waiting);
}

static void see(void *state, const struct event *e)
{
    (void)state;
    must(strlen(e->topic) <= 255);
}

static void caller_done(struct broker *b, struct request *r, const struct envelope *reply,
                        zmq_msg_t *payload, struct worker *by)
{
    struct caller *c = (struct caller *)((char *)r - offsetof(struct caller, request));
    struct follower *f;

    (void)payload;
    must(c->waits);
    must(!r->queue && LIST_EMPTY(&r->flights) && !r->timer.at);
    c->waits = false;
    if (!by || !reply->turn_id)
        return;
    f = follower_new(SVC_CHAT, "turn:1", reply->http & 1, see, NULL);
    follower_begin(b, f, by);
    follower_end(b, f);
}

static void call_begin(struct input *in)
{
    static const enum op_id ops[] = {OP_project_get, OP_project_create, OP_user_login,
                                     OP_turn_get,    OP_chat_create,    OP_session_check,
                                     OP_model_list,  OP_project_context};
    uint8_t which = byte_take(in), how = byte_take(in);

    for (int i = 0; i < CALLERS; i++) {
        struct caller *c = &callers[i];
        if (c->waits)
            continue;
        *c = (struct caller){.waits = true};
        c->what = (struct bus_request){.op = api_op(ops[which % 8]),
                                       .caller = how % 3,
                                       .key = how & 4 ? "k" : NULL,
                                       .to = how & 8 ? "i1" : NULL,
                                       .retry_in_flight = how & 16,
                                       .address = "a",
                                       .body = "0123456789",
                                       .body_size = how & 32 ? 10 : 0};
        c->request = (struct request){.what = &c->what,
                                      .done = caller_done,
                                      .deadline_us = broker->now_us + (how >> 6) * 1500000};
        request_begin(broker, &c->request);
        return;
    }
}

/* A message of a kind with fields that are likely to mean something. */
static void message_make(struct input *in, struct envelope *ret)
{
    static const char *const instances[] = {"i0", "i1", "i2", "i3", "Bad One"};
    static const char *const topics[] = {"queue", "project", "turn:1", "session", ""};
    static const char *const ops[] = {"project_context", "session_check", "project_get", "none"};
    static const uint8_t status[] = {DONE, IN_FLIGHT, BUSY, NOT_FOUND};
    uint8_t kind = byte_take(in), a = byte_take(in), b = byte_take(in);
    struct event e = {
        .topic = topics[a % 5], .what = (enum event_what)(b % 5), .size = 1, .data = "x"};

    *ret = (struct envelope){.kind = (enum frame_kind)(1 + kind % 10),
                             .service = api_svc_name((enum svc)(inbound_for - broker->service)),
                             .instance = instances[a % 5],
                             .topic = topics[a % 5],
                             .op = ops[a % 4],
                             .id = b,
                             .deadline_ms = b * 50U,
                             .status = status[a % 4],
                             .turn_id = b & 1,
                             .http = b >> 1};
    ret->credit_fast = ret->credit_slow = ret->credit_write = ret->credit_hash = b % 4;
    if (ret->kind == FRAME_REPLY && sent_count) {
        unsigned n = (sent_count - 1 - a % SENT_MAX) % SENT_MAX;
        ret->id = sent[n].id;
        if (!(b & 128)) {
            inbound.route = sent[n].route;
            inbound_for = &broker->service[sent[n].svc];
        }
    }
    if (ret->kind == FRAME_EVENT)
        event_append(&inbound.payload, &e);
}

static void message_come(struct input *in)
{
    uint8_t from = byte_take(in), n = byte_take(in);
    struct envelope e;

    inbound_for = &broker->service[from % BUS_SERVICES];
    inbound.route = from / 4 % ROUTES;
    inbound.stranger = from >= 240;
    text_clear(&inbound.payload);
    if (n % 8) {
        message_make(in, &e);
        inbound.size = envelope_encode(&e, inbound.head, sizeof inbound.head);
    } else {
        inbound.size = n < in->size ? n : in->size;
        memcpy(inbound.head, in->data, inbound.size);
        in->data += inbound.size;
        in->size -= inbound.size;
        text_add(&inbound.payload, inbound.head, inbound.size);
    }
}

static void follower_turn(struct input *in)
{
    static const char *const topics[] = {"turn:1", "queue", "project", "turn:2"};
    uint8_t n = byte_take(in);
    struct follower **f = &followers[n % FOLLOWERS];

    if (*f) {
        follower_end(broker, *f);
        *f = NULL;
        return;
    }
    *f = follower_new(n & 16 ? SVC_PROJECT : SVC_CHAT, topics[n >> 6], n & 32, see, NULL);
    follower_begin(broker, *f, NULL);
}

static void worker_die(struct input *in)
{
    uint8_t n = byte_take(in);
    struct worker *w = worker_find(&broker->service[n % BUS_SERVICES], n / 4 % ROUTES);

    if (w)
        worker_dies(broker, w, broker->now_us + DYING_US);
}

static void step(struct input *in)
{
    uint8_t n;

    switch (byte_take(in) % 8) {
    case 0:
    case 1:
    case 2:
        message_come(in);
        break;
    case 3:
    case 4:
        call_begin(in);
        break;
    case 5:
        broker->now_us += byte_take(in) * 20000;
        break;
    case 6:
        follower_turn(in);
        break;
    case 7:
        n = byte_take(in);
        if (n & 1)
            worker_die(in);
        else
            sends[n / 2 % ROUTES] = n < 32 ? BUS_FULL : n < 64 ? BUS_GONE : BUS_SENT;
        break;
    }
}

static void begin(void)
{
    broker = calloc(1, sizeof *broker);
    must(broker);
    log_limit((enum log_level)0);
    broker->config.grace_ms = BROKER_GRACE_MS;
    broker->epoll = broker->inbox.fd = -1;
    broker->now_us = broker->tick_us = 1000000;
    broker->bury_us = INT64_MAX;
    pending_init(&broker->pending);
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        broker->service[svc].svc = (enum svc)svc;
        broker->service[svc].down_us = broker->now_us;
        for (int lane = 0; lane < LANE_COUNT; lane++)
            broker->service[svc].queue[lane] = requests_queue_new((enum lane)lane);
    }
    memset(sends, BUS_SENT, sizeof sends);
    sent_count = 0;
    inbound_for = NULL;
}

/* All deadlines pass; everybody has an answer; nothing is left. */
static void end(void)
{
    broker->now_us += END_US;
    round_run();
    for (int i = 0; i < CALLERS; i++)
        must(!callers[i].waits);
    must(broker->stats.pending == 0 && broker->timers.count == 0);
    for (int i = 0; i < FOLLOWERS; i++)
        if (followers[i])
            follower_end(broker, followers[i]);
    memset(followers, 0, sizeof followers);
    workers_drop(broker);
    topics_drop(broker);
    must(broker->topics.followers == 0 && broker->topics.interests == 0);
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        for (int lane = 0; lane < LANE_COUNT; lane++)
            queue_drop(&broker->service[svc].queue[lane]);
    pending_drop(&broker->pending);
    timers_drop(&broker->timers);
    text_drop(&inbound.payload);
    inbound.payload = (struct text){0};
    free(broker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    begin();
    while (in.size) {
        step(&in);
        round_run();
        state_check();
    }
    end();
    return 0;
}
