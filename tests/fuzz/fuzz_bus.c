/*
 * The broker without its thread and sockets: daemons that say anything at any time, callers,
 * uploads, downloads, followers, and a clock that jumps.  Each request is answered exactly once,
 * each account is true, bytes keep their order, and nothing is left at the end.
 */
#include <stdio.h>
#include <string.h>

#include "common/events.h"
#include "common/log.h"
#include "gateway/broker/peer_calls.h"
#include "gateway/broker/transfer_state.h"
#include "tests/fuzz/bus_rig.h"

#define CALLERS   32
#define FOLLOWERS 8
#define TRANSFERS 8
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

/* An upload or a download, as an HTTP thread sees it. */
struct transfer {
    struct broker_transfer *t; /* NULL: none */
    struct bus_request what;
    bool finished;
    uint32_t read; /* pieces */
};

static struct caller callers[CALLERS];
static struct follower *followers[FOLLOWERS];
static struct transfer transfers[TRANSFERS];

static uint8_t byte_take(struct input *in)
{
    if (!in->size)
        return 0;
    in->size--;
    return *in->data++;
}

/* ---- one run ---- */

static void round_run(void)
{
    commands_run();
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        intake_read(broker, &broker->service[svc]);
    requests_due(broker);
    workers_tick(broker);
    workers_bury(broker);
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        requests_serve(broker, &broker->service[svc]);
    transfers_serve(broker);
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

/* What waits of it is never more than its window. */
static void transfer_check(const struct broker_transfer *t)
{
    const struct piece *p;
    unsigned in = 0, out = 0;

    TAILQ_FOREACH(p, &t->in, next)
    in++;
    TAILQ_FOREACH(p, &t->out, next)
    out++;
    must(in <= DATA_WINDOW + 1 && t->came <= t->granted + 1);
    must(t->pushed == t->sent + out || !t->asked || !t->id);
    must(out == 0 || t->in_turn);
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
    for (int i = 0; i < TRANSFERS; i++)
        if (transfers[i].t)
            transfer_check(transfers[i].t);
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

/* ---- uploads and downloads ---- */

static void transfer_begin(struct input *in)
{
    uint8_t how = byte_take(in);

    for (int i = 0; i < TRANSFERS; i++) {
        struct transfer *x = &transfers[i];
        if (x->t)
            continue;
        *x = (struct transfer){.what = {.op = api_op(how & 1 ? OP_file_create : OP_file_content),
                                        .caller = how % 3,
                                        .key = how & 4 ? "k" : NULL,
                                        .to = how & 8 ? "i1" : NULL,
                                        .address = "a",
                                        .deadline_ms = 1}};
        x->t = broker_transfer_begin(broker, &x->what);
        x->t->request.deadline_us = broker->now_us + (how >> 6) * 1500000;
        return;
    }
}

static void transfer_end(struct transfer *x)
{
    broker_transfer_end(&x->t);
}

static void upload_turn(struct transfer *x, uint8_t how)
{
    static const char bytes[DATA_MAX];
    struct broker_transfer *t = x->t;
    size_t size = how >= 240 ? DATA_MAX : how;
    bool over = t->replied || t->broken, went;

    if (x->finished || (!over && t->pushed >= t->window))
        return; /* the thread would wait */
    if (how % 4 == 0) {
        x->finished = true;
        went = broker_transfer_finish(t);
    } else {
        went = how % 4 == 1 ? broker_transfer_flush(t) : broker_transfer_write(t, bytes, size);
    }
    must(went || over);
}

/* Each piece has its number for its first byte. */
static void download_turn(struct transfer *x)
{
    const char *data;
    size_t size;

    if (!x->t->replied || !x->t->reply.stream)
        return;
    if (broker_transfer_read(x->t, &data, &size) != 1)
        return;
    x->read++;
    must(size == 0 || (uint8_t)data[0] == (uint8_t)x->read);
}

static void transfer_turn(struct input *in)
{
    uint8_t which = byte_take(in), how = byte_take(in);
    struct transfer *x = &transfers[which % TRANSFERS];

    if (!x->t)
        return;
    if (which >= 192)
        transfer_end(x);
    else if (x->what.op->stream == STREAM_UPLOAD)
        upload_turn(x, how);
    else
        download_turn(x);
}

/* ---- what daemons send ---- */

/* DATA in order, mostly, with its number for its first byte. */
static void data_make(struct envelope *e, struct sent *to, uint8_t how)
{
    static const char zeros[DATA_MAX];
    char first;

    e->n = how % 16 == 15 ? how : to ? to->came + 1 : 1;
    e->last = how < 192 ? DATA_MORE : how % 4;
    if (to && e->n == to->came + 1)
        to->came++;
    first = (char)e->n;
    if (how % 8)
        text_add(&inbound.payload, &first, 1);
    if (how == 255)
        text_add(&inbound.payload, zeros, DATA_MAX);
}

static void window_make(struct envelope *e, struct sent *to, uint8_t how)
{
    e->n = how % 32;
    if (to && e->n > to->window)
        to->window = e->n;
}

/* Mostly from the worker that a REQUEST went to, about that. */
static struct sent *answer_make(struct envelope *e, uint8_t a, uint8_t b)
{
    struct sent *to = &sent[(sent_count - 1 - a % SENT_MAX) % SENT_MAX];

    e->id = to->id;
    if (!(b & 128)) {
        inbound.route = to->route;
        inbound_for = &broker->service[to->svc];
    }
    return to;
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
    struct sent *to = NULL;

    *ret = (struct envelope){.kind = (enum frame_kind)(1 + kind % 12),
                             .service = api_svc_name((enum svc)(inbound_for - broker->service)),
                             .instance = instances[a % 5],
                             .topic = topics[a % 5],
                             .op = ops[a % 4],
                             .id = b,
                             .deadline_ms = b * 50U,
                             .status = status[a / 64],
                             .stream = b / 2 % 2,
                             .turn_id = b & 1,
                             .http = b >> 1};
    ret->credit_fast = ret->credit_slow = ret->credit_write = ret->credit_hash = b % 4;
    ret->credit_bulk = b % 4;
    if (sent_count && (ret->kind == FRAME_REPLY || ret->kind >= FRAME_DATA))
        to = answer_make(ret, a, b);
    if (ret->kind == FRAME_DATA)
        data_make(ret, to, byte_take(in));
    if (ret->kind == FRAME_WINDOW)
        window_make(ret, to, byte_take(in));
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

/* As when the gateway ends. */
static void broker_close(void)
{
    broker->closing = true;
    requests_refuse_all(broker);
    transfers_break_all(broker);
}

static void step(struct input *in)
{
    uint8_t n;

    switch (byte_take(in) % 11) {
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
        if (n == 255)
            broker_close();
        else if (n & 1)
            worker_die(in);
        else
            sends[n / 2 % ROUTES] = n < 32 ? BUS_FULL : n < 64 ? BUS_GONE : BUS_SENT;
        break;
    case 8:
        transfer_begin(in);
        break;
    case 9:
    case 10:
        transfer_turn(in);
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
    transfers_init(&broker->transfers);
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        broker->service[svc].svc = (enum svc)svc;
        broker->service[svc].down_us = broker->now_us;
        for (int lane = 0; lane < LANE_COUNT; lane++)
            broker->service[svc].queue[lane] = requests_queue_new((enum lane)lane);
    }
    memset(sends, BUS_SENT, sizeof sends);
    memset(sent, 0, sizeof sent);
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
    for (int i = 0; i < TRANSFERS; i++) {
        must(!transfers[i].t || transfers[i].t->replied);
        transfer_end(&transfers[i]);
    }
    must(LIST_EMPTY(&broker->transfers.all) && !transfers_wait(broker));
    must(atomic_load(&broker->inside) == 0);
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
