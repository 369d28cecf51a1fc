/* Reading a request's body within the time that its size allows. */
#include <civetweb.h>
#include <string.h>

#include "common/clock.h"
#include "gateway/http/thread.h"
#include "proto/api.h"

#define PIECE 16384

/* civetweb itself gives up after the same silence, maybe a moment before the watchdog. */
static int body_fail(struct http_thread *t, int64_t since_us)
{
    t->body_failed = true;
    return slot_was_cut(t->slot) || clock_us() - since_us >= (BODY_MAX_MS - 500) * 1000
               ? BODY_TIMEOUT
               : BAD_REQUEST;
}

static int pieces_read(struct http_thread *t, struct text *ret)
{
    const int64_t length = t->request.framing.length, since = clock_us();

    while (t->body_read < length) {
        size_t want = length - t->body_read < PIECE ? (size_t)(length - t->body_read) : PIECE;
        int got = mg_read(t->conn, text_reserve(ret, want), want);
        if (got > 0) {
            ret->size += (size_t)got;
            ret->data[ret->size] = '\0';
            t->body_read += got;
        }
        if (got < (int)want)
            return body_fail(t, since);
    }
    return DONE;
}

static bool go_on_send(struct http_thread *t)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    bool sent = !t->request.framing.expects || mg_write(t->conn, go_on, sizeof go_on - 1) >= 0;

    t->request.framing.expects = false;
    return sent;
}

int http_body_read(struct http_request *r, struct text *ret)
{
    struct http_thread *t = r->thread;
    int status;

    text_clear(ret);
    if (r->framing.length == 0)
        return DONE;
    slot_set(t->slot, SLOT_BODY, BODY_MAX_MS + r->framing.length / BODY_BYTES_PER_MS);
    if (!go_on_send(t))
        return body_fail(t, clock_us());
    status = pieces_read(t, ret);
    slot_set(t->slot, SLOT_WORK, 0);
    return status;
}

int http_body_piece(struct http_request *r, struct pace *pace, void *buf, size_t size,
                    size_t *ret_size)
{
    struct http_thread *t = r->thread;
    const int64_t left = r->framing.length - t->body_read, since = clock_us();
    int want = (int64_t)size < left ? (int)size : (int)left, got;

    *ret_size = 0;
    if (want == 0)
        return DONE;
    slot_set(t->slot, SLOT_PIECE, pace_ms(pace));
    got = go_on_send(t) ? mg_read(t->conn, buf, (size_t)want) : -1;
    slot_set(t->slot, SLOT_WORK, 0);
    if (got > 0)
        t->body_read += got;
    if (got < want)
        return body_fail(t, since);
    pace_count(pace, (size_t)got, clock_us() - since);
    *ret_size = (size_t)got;
    return DONE;
}

bool body_discard(struct http_thread *t, int64_t most)
{
    char piece[4096];
    int64_t left = t->request.framing.length - t->body_read;

    if (left <= 0)
        return true;
    if (t->body_failed || t->request.framing.expects)
        return false;
    slot_set(t->slot, SLOT_LINGER, LINGER_MAX_MS);
    while (left > 0 && most > 0) {
        int got =
            mg_read(t->conn, piece, left < (int64_t)sizeof piece ? (size_t)left : sizeof piece);
        if (got <= 0)
            break;
        left -= got;
        most -= got;
    }
    return left == 0;
}
