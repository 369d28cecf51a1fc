#pragma once
/*
 * For fuzz_link.c, behind common/bus.c: what gateways and workers remember, and ZeroMQ without
 * sockets, which sees what is sent to the gateways.
 */
#include "common/call.h"
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
static void event_see(void *state, const struct event *e);
static const struct service service = {
    .name = "filed", .svc = SVC_FILE, .handlers = handlers, .event = event_see};
static struct bus bus;
static struct asked asked[ASKED_MAX];
static struct work work[WORKERS];
static bool blocked[LINKS];

/* A worker that asks another service, and the first answer that came to it. */
static struct {
    struct work *work; /* NULL: nobody asks */
    unsigned turns;    /* of the bus thread, until it is too late */
    bool answered;
    unsigned status;
    struct text body;
} question;
static uint64_t ids;
static struct input input;

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
static unsigned in_parts;   /* behind the head */
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
        zmq_msg_init_size(m, in_size);
        memcpy(zmq_msg_data(m), in_head, in_size);
        return (int)in_size;
    }
    must(in_parts-- > 0);
    zmq_msg_init_size(m, in_body.size);
    if (in_body.size)
        memcpy(zmq_msg_data(m), in_body.data, in_body.size);
    return (int)in_body.size;
}

int zmq_msg_more(const zmq_msg_t *m)
{
    (void)m;
    return in_parts > 0;
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

    must(e->kind != FRAME_REQUEST || (question.work && e->id == bus.question_id));
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
