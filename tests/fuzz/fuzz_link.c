/*
 * A daemon's end of the bus without its thread and sockets: gateways that say anything at any time,
 * workers that serve what came in, uploads, downloads, links that fail and are forgotten.  Each
 * request is answered once, bytes arrive in order and only within their windows, nothing is left.
 */
#include "common/bus.c"

#include "common/call.h"
#include "common/serve.h"
#include "tests/fuzz/fuzz.h"

#define LINKS     2
#define WORKERS   4
#define ASKED_MAX 32
#define PIECE_MAX 40

struct input {
    const uint8_t *data;
    size_t size;
};

/* A REQUEST as the gateway that sent it remembers it. */
struct asked {
    uint64_t id; /* 0: none */
    int link;
    unsigned epoch;
    const struct op *op;
    uint32_t came, window;   /* DATA and WINDOW that were sent along */
    uint32_t granted, data;  /* WINDOW and DATA that came back */
    bool last_came;          /* of the upload */
    bool streams, last_sent; /* the download */
    bool gap;                /* the link took nothing once: the gateway sees what is missing */
    unsigned replies;
    struct text bytes; /* of the upload, as far as it was in order */
    size_t read;
};

struct work {
    struct job *job; /* NULL: idle */
    struct call call;
    struct asked *asked;
};

static struct daemon service_daemon;
static struct handler handlers[OP_COUNT];
static const struct service service = {.name = "filed", .svc = SVC_FILE, .handlers = handlers};
static struct bus bus;
static struct asked asked[ASKED_MAX];
static struct work work[WORKERS];
static bool blocked[LINKS];
static uint64_t ids;

static uint8_t byte_take(struct input *in)
{
    if (!in->size)
        return 0;
    in->size--;
    return *in->data++;
}

/* ---- ZeroMQ without sockets ---- */

static char in_head[2048];
static size_t in_size;
static struct text in_body;
static int in_link = -1;
static bool in_more;
static struct envelope out; /* head that waits for its body */

static int link_of(const void *socket)
{
    for (int i = 0; i < LINKS; i++)
        if (bus.links[i].socket == socket)
            return i;
    must(false);
    return 0;
}

int zmq_msg_recv(zmq_msg_t *m, void *socket, int flags)
{
    if (flags == ZMQ_DONTWAIT) {
        if (in_link != link_of(socket))
            return -1;
        in_link = -1;
        in_more = in_body.size > 0;
        zmq_msg_init_size(m, in_size);
        memcpy(zmq_msg_data(m), in_head, in_size);
        return (int)in_size;
    }
    in_more = false;
    zmq_msg_init_size(m, in_body.size);
    memcpy(zmq_msg_data(m), in_body.data, in_body.size);
    return (int)in_body.size;
}

int zmq_msg_more(const zmq_msg_t *m)
{
    (void)m;
    return in_more;
}

static struct asked *asked_find(int link, uint64_t id)
{
    for (int i = 0; i < ASKED_MAX; i++)
        if (asked[i].id && asked[i].id == id && asked[i].link == link)
            return &asked[i];
    return NULL;
}

static void reply_see(struct asked *a, const struct envelope *e)
{
    must(++a->replies == 1);
    a->streams = e->stream;
    must(!e->stream || a->op->stream == STREAM_DOWNLOAD);
}

/* In order, within the window; the last one is empty and needs none. */
static void data_see(struct asked *a, const struct envelope *e, size_t size)
{
    must(a->streams && !a->last_sent && e->last <= DATA_BROKEN);
    must(e->n > a->data);
    must(e->n == a->data + 1 || a->gap || a->epoch != bus.links[a->link].epoch);
    must(e->last ? size == 0 : size > 0 && size <= DATA_MAX && e->n <= a->window);
    a->data = e->n;
    a->last_sent = e->last;
}

static void sent_see(int link, const struct envelope *e, size_t size)
{
    struct asked *a = asked_find(link, e->id);

    if (!a || (e->kind != FRAME_REPLY && e->kind != FRAME_DATA && e->kind != FRAME_WINDOW))
        return;
    if (e->kind == FRAME_REPLY)
        reply_see(a, e);
    else if (e->kind == FRAME_DATA)
        data_see(a, e, size);
    else
        must(a->op->stream == STREAM_UPLOAD && e->n > a->granted && e->n <= a->came + DATA_WINDOW);
    if (e->kind == FRAME_WINDOW)
        a->granted = e->n;
}

int zmq_send(void *socket, const void *data, size_t size, int flags)
{
    must(envelope_decode(data, size, &out) == 0);
    if (blocked[link_of(socket)]) {
        for (int i = 0; i < ASKED_MAX; i++)
            asked[i].gap |= asked[i].link == link_of(socket);
        return -1;
    }
    if (!(flags & ZMQ_SNDMORE))
        sent_see(link_of(socket), &out, 0);
    return (int)size;
}

int zmq_msg_send(zmq_msg_t *m, void *socket, int flags)
{
    size_t size = zmq_msg_size(m);

    (void)flags;
    if (out.kind == FRAME_DATA || out.kind == FRAME_REPLY)
        sent_see(link_of(socket), &out, size);
    zmq_msg_close(m);
    zmq_msg_init(m);
    return (int)size;
}

/* Nobody waits: what is not there yet is too late. */
int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    (void)c, (void)m, (void)until;
    return ETIMEDOUT;
}

/* ---- gateways ---- */

static void request_make(struct envelope *e, uint8_t how)
{
    static const enum op_id ops[] = {OP_file_create, OP_file_content, OP_file_get, OP_project_get};
    struct asked *a = &asked[ids % ASKED_MAX];

    e->id = ++ids;
    e->op = api_op(ops[how % 4])->name;
    e->deadline_ms = 1000;
    if (ids <= ASKED_MAX) /* the others are answered, too, but nobody counts */
        *a = (struct asked){.id = e->id,
                            .link = in_link,
                            .epoch = bus.links[in_link].epoch,
                            .op = api_op(ops[how % 4])};
}

static void data_make(struct envelope *e, struct asked *a, uint8_t how)
{
    char bytes[PIECE_MAX];
    size_t size = how % PIECE_MAX;

    e->n = how >= 240 ? how : a ? a->came + 1 : 1;
    e->last = how % 16 == 7 ? how / 64 : DATA_MORE;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(e->n * 7 + i);
    text_add(&in_body, bytes, size);
    if (!a || e->n != a->came + 1 || a->last_came || e->last > DATA_LAST)
        return;
    a->came++;
    a->last_came = e->last == DATA_LAST;
    text_add(&a->bytes, bytes, size);
}

static void message_make(struct input *in, struct envelope *e)
{
    static const enum frame_kind kinds[] = {
        FRAME_REQUEST, FRAME_REQUEST, FRAME_DATA,     FRAME_DATA,  FRAME_WINDOW, FRAME_CANCEL,
        FRAME_PONG,    FRAME_FOLLOW,  FRAME_UNFOLLOW, FRAME_REPLY, FRAME_EVENT,  FRAME_READY};
    uint8_t kind = byte_take(in), which = byte_take(in), how = byte_take(in);
    struct asked *a = asked_find(in_link, which % 64);

    *e = (struct envelope){.kind = kinds[kind % 12],
                           .id = which % 64,
                           .topic = how & 1 ? "project" : "turn:1",
                           .generation = how / 2,
                           .known = how & 1};
    if (e->kind == FRAME_REQUEST)
        request_make(e, how);
    if (e->kind == FRAME_DATA)
        data_make(e, a, how);
    if (e->kind == FRAME_WINDOW) {
        e->n = how;
        if (a && e->n > a->window)
            a->window = e->n;
    }
    if (e->kind == FRAME_EVENT)
        event_append(&in_body, &(struct event){.topic = "project", .what = EVENT_CHANGED});
}

static void message_come(struct input *in)
{
    uint8_t from = byte_take(in);
    struct envelope e;

    in_link = from % LINKS;
    text_clear(&in_body);
    if (from >= 240) {
        in_size = from % 16 * 4U < in->size ? from % 16 * 4U : in->size;
        memcpy(in_head, in->data, in_size);
        in->data += in_size;
        in->size -= in_size;
    } else {
        message_make(in, &e);
        in_size = envelope_encode(&e, in_head, sizeof in_head);
        must(in_size);
    }
    for (int i = 0; i < LINKS; i++)
        link_receive(&bus, &bus.links[i]);
    in_link = -1;
}

/* ---- workers ---- */

static void work_take(struct work *w, uint8_t how)
{
    enum lane lane = how & 3 ? LANE_BULK : LANE_FAST;

    w->job = lane_queue_poll(&service_daemon.lanes[lane]);
    if (!w->job)
        return;
    w->call = (struct call){0};
    call_begin(&w->call, &service_daemon, w->job);
    w->asked = asked_find(w->job->gateway, w->job->head.id);
}

static void upload_read(struct work *w, uint8_t how)
{
    char bytes[256];
    size_t size;
    int r = call_read(&w->call, bytes, how + 1U, &size);

    must(r == DONE || r == UNAVAILABLE || r == TOO_LATE);
    if (r || !w->asked)
        return;
    must(size <= how + 1U && w->asked->read + size <= w->asked->bytes.size);
    must(!size || memcmp(w->asked->bytes.data + w->asked->read, bytes, size) == 0);
    must(size || (w->asked->last_came && w->asked->read == w->asked->bytes.size));
    w->asked->read += size;
    must(transfer_bytes(w->call.transfer) == (int64_t)w->asked->read);
}

static void work_do(struct work *w, uint8_t how)
{
    static const char bytes[2 * DATA_MAX];
    struct transfer *t = w->call.transfer;

    if (!t)
        return;
    if (w->call.op->stream == STREAM_UPLOAD)
        upload_read(w, how);
    else if (!transfer_streams(t))
        must(call_stream(&w->call) == DONE);
    else
        (void)!call_write(&w->call, bytes, how == 255 ? sizeof bytes : how);
}

static void work_end(struct work *w, uint8_t how)
{
    static const int results[] = {DONE, NOT_FOUND, UNAVAILABLE, TOO_LATE};
    int r = results[how % 4];

    call_answer(&w->call, w->job, w->call.op ? r : NOT_FOUND, 0);
    atomic_fetch_sub(&service_daemon.busy, 1);
    text_drop(&w->call.out);
    arena_drop(&w->call.arena);
    *w = (struct work){0};
}

static void work_turn(struct input *in)
{
    uint8_t which = byte_take(in), how = byte_take(in);
    struct work *w = &work[which % WORKERS];

    if (!w->job)
        work_take(w, how);
    else if (which >= 208)
        work_end(w, how);
    else
        work_do(w, how);
}

/* ---- one run ---- */

static void round_run(void)
{
    outbox_send(&bus);
    bulk_send(&bus);
}

static void step(struct input *in)
{
    uint8_t n;

    switch (byte_take(in) % 6) {
    case 0:
    case 1:
    case 2:
        message_come(in);
        break;
    case 3:
    case 4:
        work_turn(in);
        break;
    case 5:
        n = byte_take(in);
        if (n >= 224)
            link_forget(&bus.links[n % LINKS]);
        else if (n == 7)
            atomic_store(&service_daemon.draining, true);
        else
            blocked[n % LINKS] = n % 8 >= 6;
        bulk_check(&bus);
        break;
    }
}

static void begin(void)
{
    log_limit((enum log_level)0);
    for (int i = 0; i < OP_COUNT; i++)
        handlers[i].mine = api_op(i)->svc == SVC_FILE;
    bus = (struct bus){.daemon = &service_daemon,
                       .replies_last = &bus.replies,
                       .bulk_last = &bus.bulk,
                       .wake_fd = -1,
                       .link_count = LINKS};
    pthread_mutex_init(&bus.lock, NULL);
    service_daemon.service = &service;
    service_daemon.bus = &bus;
    atomic_store(&service_daemon.busy, 0);
    atomic_store(&service_daemon.draining, false);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        lane_queue_init(&service_daemon.lanes[lane]);
    for (int i = 0; i < LINKS; i++)
        bus.links[i] = (struct gateway_link){.socket = &blocked[i], .ready = true};
    memset(blocked, 0, sizeof blocked);
    ids = 0;
}

/* The workers come to an end with everything, and it can be sent. */
static void finish(void)
{
    memset(blocked, 0, sizeof blocked);
    for (unsigned turn = 0; atomic_load(&service_daemon.busy); turn++) {
        struct work *w = &work[turn % WORKERS];
        if (w->job)
            work_end(w, (uint8_t)turn);
        else
            work_take(w, turn / WORKERS % 2);
        round_run();
    }
    do
        outbox_send(&bus);
    while (bulk_send(&bus));
}

static void end(void)
{
    finish();
    must(!bus.unsent && !bus.replies && !bus.bulk && !bus.transfers);
    for (int i = 0; i < ASKED_MAX; i++) {
        must(!asked[i].id || asked[i].replies == 1);
        must(!asked[i].streams || asked[i].last_sent ||
             asked[i].epoch != bus.links[asked[i].link].epoch);
        text_drop(&asked[i].bytes);
        asked[i] = (struct asked){0};
    }
    for (int i = 0; i < LINKS; i++)
        topic_set_drop(&bus.links[i].topics);
    text_drop(&bus.events);
    text_drop(&in_body);
    in_body = (struct text){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    begin();
    while (in.size) {
        step(&in);
        round_run();
    }
    end();
    return 0;
}
