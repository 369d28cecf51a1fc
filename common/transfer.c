/* Uploads and downloads inside of a daemon: from the bus thread to call_read(), from call_write()
 * to the bus thread. */
#include "common/transfer.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/pulse.h"
#include "common/serve.h"

struct transfer {
    struct transfer *next; /* of the bus thread */
    struct bus *bus;
    int gateway;
    unsigned epoch;
    uint64_t id;

    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* under the lock; the worker reads in[first] without it while count > 0 */
    bool broken;
    zmq_msg_t in[DATA_WINDOW];
    unsigned first, count;
    uint32_t came;   /* DATA received, ... */
    bool last_came;  /* ... the last among them */
    uint32_t window; /* DATA that may be sent */

    /* the worker's own */
    uint32_t granted, sent; /* WINDOW and DATA sent */
    uint32_t taken;         /* DATA read to their ends */
    size_t at;              /* read of in[first] */
    bool ended, streams;
    int64_t bytes;
    EVP_MD_CTX *sha;
};

struct transfer *transfer_open(struct bus *bus, int gateway, unsigned epoch, uint64_t id)
{
    struct transfer *t = calloc(1, sizeof *t);
    pthread_condattr_t attr;

    if (!t || !(t->sha = EVP_MD_CTX_new()) || !EVP_DigestInit_ex(t->sha, EVP_sha256(), NULL))
        abort();
    t->bus = bus;
    t->gateway = gateway;
    t->epoch = epoch;
    t->id = id;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->moved, &attr);
    pthread_condattr_destroy(&attr);
    return t;
}

void transfer_close(struct transfer **ret)
{
    struct transfer *t = *ret;

    if (!t)
        return;
    for (; t->count; t->count--, t->first++)
        zmq_msg_close(&t->in[t->first % DATA_WINDOW]);
    pthread_cond_destroy(&t->moved);
    pthread_mutex_destroy(&t->lock);
    EVP_MD_CTX_free(t->sha);
    free(t);
    *ret = NULL;
}

/* ---- the bus thread ---- */

/* Under the lock. */
static bool data_fits(const struct transfer *t, const struct envelope *e, zmq_msg_t *payload)
{
    return e->n == t->came + 1 && !t->last_came && t->count < DATA_WINDOW &&
           zmq_msg_size(payload) <= DATA_MAX && e->last <= DATA_LAST;
}

void transfer_data(struct transfer *t, const struct envelope *e, zmq_msg_t *payload)
{
    pthread_mutex_lock(&t->lock);
    if (data_fits(t, e, payload)) {
        zmq_msg_t *to = &t->in[(t->first + t->count++) % DATA_WINDOW];
        zmq_msg_init(to);
        zmq_msg_move(to, payload);
        t->came++;
        t->last_came = e->last == DATA_LAST;
    } else {
        t->broken = true;
    }
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

void transfer_window(struct transfer *t, uint32_t n)
{
    pthread_mutex_lock(&t->lock);
    if (n > t->window)
        t->window = n;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

void transfer_break(struct transfer *t)
{
    pthread_mutex_lock(&t->lock);
    t->broken = true;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

void transfers_add(struct transfer **list, struct transfer *t)
{
    t->next = *list;
    *list = t;
}

void transfers_remove(struct transfer **list, struct transfer *t)
{
    for (; *list; list = &(*list)->next) {
        if (*list == t) {
            *list = t->next;
            return;
        }
    }
}

struct transfer *transfers_find(struct transfer *list, int gateway, uint64_t id)
{
    while (list && (list->id != id || list->gateway != gateway))
        list = list->next;
    return list;
}

void transfers_check(struct transfer *list,
                     bool (*is_alive)(void *state, int gateway, unsigned epoch), void *state)
{
    for (; list; list = list->next)
        if (!is_alive(state, list->gateway, list->epoch))
            transfer_break(list);
}

/* ---- the worker ---- */

bool transfer_ended(const struct transfer *t)
{
    return t->ended;
}

bool transfer_streams(const struct transfer *t)
{
    return t->streams;
}

int64_t transfer_bytes(const struct transfer *t)
{
    return t->bytes;
}

/* Waits until ready says so.  DONE, UNAVAILABLE or TOO_LATE. */
static int wait_for(struct transfer *t, bool (*ready)(const struct transfer *t),
                    int64_t deadline_us)
{
    const struct timespec until = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
    bool waited = pulse_wait_begin();
    int r;

    pthread_mutex_lock(&t->lock);
    for (int error = 0; !error && !t->broken && !ready(t);)
        error = pthread_cond_timedwait(&t->moved, &t->lock, &until);
    r = t->broken ? UNAVAILABLE : ready(t) ? DONE : TOO_LATE;
    pthread_mutex_unlock(&t->lock);
    pulse_wait_end(waited);
    return r;
}

static bool has_data(const struct transfer *t)
{
    return t->count > 0;
}

static bool has_window(const struct transfer *t)
{
    return t->sent < t->window;
}

static void send(struct transfer *t, const struct envelope *e, struct text *body)
{
    if (t->bus)
        bus_send_bulk(t->bus, t->gateway, t->epoch, e, body);
    else
        text_drop(body);
}

static void window_grant(struct transfer *t)
{
    struct envelope e = {.kind = FRAME_WINDOW, .id = t->id, .n = t->taken + DATA_WINDOW};

    if (t->granted == e.n)
        return;
    t->granted = e.n;
    send(t, &e, &(struct text){0});
}

static void renew(struct call *c)
{
    c->deadline_us = clock_us() + DATA_SILENCE_MS * INT64_C(1000);
}

/* in[first] was read to its end. */
static void piece_end(struct transfer *t)
{
    pthread_mutex_lock(&t->lock);
    zmq_msg_close(&t->in[t->first]);
    t->first = (t->first + 1) % DATA_WINDOW;
    t->count--;
    t->taken++;
    t->at = 0;
    t->ended = t->last_came && t->count == 0;
    pthread_mutex_unlock(&t->lock);
}

int call_read(struct call *c, void *buf, size_t capacity, size_t *ret_size)
{
    struct transfer *t = c->transfer;

    assert(t && c->op->stream == STREAM_UPLOAD && capacity);
    for (*ret_size = 0; *ret_size == 0 && !t->ended;) {
        size_t n;
        int r;
        window_grant(t);
        if ((r = wait_for(t, has_data, c->deadline_us)))
            return r;
        n = zmq_msg_size(&t->in[t->first]) - t->at;
        n = n < capacity ? n : capacity;
        memcpy(buf, (char *)zmq_msg_data(&t->in[t->first]) + t->at, n);
        t->at += n;
        *ret_size = n;
        if (t->at == zmq_msg_size(&t->in[t->first]))
            piece_end(t);
        renew(c);
    }
    EVP_DigestUpdate(t->sha, buf, *ret_size);
    t->bytes += (int64_t)*ret_size;
    return DONE;
}

int64_t call_digest(const struct call *c, unsigned char ret_sha256[DIGEST_SIZE])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    if (!copy || !EVP_MD_CTX_copy_ex(copy, c->transfer->sha) ||
        !EVP_DigestFinal_ex(copy, ret_sha256, NULL))
        abort();
    EVP_MD_CTX_free(copy);
    return c->transfer->bytes;
}

int call_stream(struct call *c)
{
    struct transfer *t = c->transfer;

    assert(t && c->op->stream == STREAM_DOWNLOAD && !t->streams);
    t->streams = true;
    if (t->bus)
        call_answer_early(c, t->id, t->gateway);
    renew(c);
    return DONE;
}

int call_stream_made(struct call *c, const char *type, const char *filename)
{
    text_putc(&c->out, '{');
    text_member_str(&c->out, "type", type);
    text_member_str(&c->out, "filename", filename);
    text_puts(&c->out, ",\"sha256\":null,\"size\":null,\"first\":0,\"count\":0}");
    return call_stream(c);
}

static void data_send(struct transfer *t, const void *data, size_t n, int last)
{
    struct envelope e = {.kind = FRAME_DATA, .id = t->id, .n = ++t->sent, .last = (uint8_t)last};
    struct text body = {0};

    if (n)
        text_add(&body, data, n);
    t->bytes += (int64_t)n;
    send(t, &e, &body);
}

int call_write(struct call *c, const void *data, size_t size)
{
    struct transfer *t = c->transfer;
    const char *p = data;

    assert(t && t->streams);
    while (size) {
        size_t n = size < DATA_MAX ? size : DATA_MAX;
        int r = wait_for(t, has_window, c->deadline_us);
        if (r)
            return r;
        data_send(t, p, n, DATA_MORE);
        p += n;
        size -= n;
        renew(c);
    }
    return DONE;
}

/* The last one needs no window: it is empty. */
void transfer_finish(struct transfer *t, bool whole)
{
    data_send(t, NULL, 0, whole ? DATA_LAST : DATA_BROKEN);
}
