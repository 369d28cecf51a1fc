/* A reply's head and body, built in one piece and sent in one write. */
#include <civetweb.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"
#include "gateway/http/thread.h"

#define KEEP_BODY_MAX 65536   /* an unread body this long is read to save the connection */
#define LINGER_MAX    4194304 /* a longer one only so that the client gets to read the reply */
#define STREAM_PIECE  16384   /* of a reply in pieces, written at once */
#define KEPT_CAPACITY 65536   /* buffers that grew beyond this are given back */

static const char *date_now(struct http_thread *t)
{
    time_t now = time(NULL);
    struct tm tm;

    if (now != t->date_second) {
        t->date_second = now;
        gmtime_r(&now, &tm);
        strftime(t->date, sizeof t->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
    return t->date;
}

/* The phrases of RFC 9110 and 6585 that we use; phrases carry no meaning. */
static const char *phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

void http_reply_header(struct http_reply *reply, const char *name, const char *value)
{
    text_puts(&reply->headers, name);
    text_puts(&reply->headers, ": ");
    text_puts(&reply->headers, value);
    text_puts(&reply->headers, "\r\n");
}

static void out_build(struct http_thread *t, bool close, bool head_only)
{
    struct http_reply *r = &t->reply;
    struct text *out = &t->out;
    bool bodiless = r->status == 204 || r->status == 304;

    text_clear(out);
    text_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", r->status, phrase(r->status), date_now(t));
    if (r->type)
        text_printf(out, "Content-Type: %s\r\n", r->type);
    if (t->chunked)
        text_puts(out, "Transfer-Encoding: chunked\r\n");
    else if (!bodiless && !t->open_end)
        text_printf(out, "Content-Length: %zu\r\n", r->type ? r->size : 0);
    text_puts(out, close ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
    text_add(out, r->headers.data, r->headers.size);
    text_puts(out, "\r\n");
    if (r->type && !bodiless && !head_only)
        text_add(out, r->body, r->size);
}

static void kept_trim(struct text *t)
{
    if (t->capacity > KEPT_CAPACITY)
        text_drop(t);
}

static bool must_close(const struct http_thread *t)
{
    int64_t left = t->request.framing.length - t->body_read;

    return t->reply.close || t->body_failed || !t->request.framing.keep_alive ||
           (left > 0 && (left > KEEP_BODY_MAX || t->request.framing.expects));
}

bool http_stream_begin(struct http_request *r)
{
    struct http_thread *t = r->thread;

    t->reply.close |= slots_pressed(t->slots) || http_draining(t->server);
    t->streams = true;
    if (t->reply.size == HTTP_SIZE_UNKNOWN) {
        t->chunked = r->framing.chunks;
        t->open_end |= !t->chunked;
        t->reply.close |= t->open_end;
    }
    out_build(t, must_close(t), true);
    if (must_close(t))
        mg_disable_connection_keep_alive(t->conn);
    slot_set(t->slot, SLOT_SEND, BODY_MAX_MS);
    return mg_write(t->conn, t->out.data, t->out.size) == (int)t->out.size;
}

int http_stream_lend(struct http_request *r)
{
    struct http_thread *t = r->thread;
    int fd, size = HTTP_LENT_BUFFER;

    t->open_end = t->reply.close = true;
    if (!http_stream_begin(r))
        return -1;
    slot_set(t->slot, SLOT_WORK, 0);
    fd = slot_fd(t->slots, t->slot);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

void http_stream_returned(struct http_request *r, uint64_t bytes)
{
    r->thread->streamed = (int64_t)bytes;
}

/* One write, within the pace. */
static bool piece_write(struct http_thread *t, struct pace *pace, const char *data, size_t n)
{
    int64_t since = clock_us();

    slot_set(t->slot, SLOT_SEND, pace_ms(pace));
    if (mg_write(t->conn, data, n) != (int)n)
        return false;
    pace_count(pace, n, clock_us() - since);
    t->streamed += (int64_t)n;
    return true;
}

/* The head has been sent: its buffer is free. */
static bool chunk_write(struct http_thread *t, struct pace *pace, const char *data, size_t n)
{
    text_clear(&t->out);
    text_printf(&t->out, "%zx\r\n", n);
    text_add(&t->out, data, n);
    text_puts(&t->out, "\r\n");
    return piece_write(t, pace, t->out.data, t->out.size);
}

bool http_stream_whole(struct http_request *r, struct pace *pace)
{
    struct http_thread *t = r->thread;

    if (t->chunked)
        t->chunks_ended = chunk_write(t, pace, "", 0);
    slot_set(t->slot, SLOT_WORK, 0);
    return !t->chunked || t->chunks_ended;
}

bool http_stream_write(struct http_request *r, struct pace *pace, const void *data, size_t size)
{
    struct http_thread *t = r->thread;
    const char *at = data;

    while (size) {
        size_t n = size < STREAM_PIECE ? size : STREAM_PIECE;
        if (!(t->chunked ? chunk_write(t, pace, at, n) : piece_write(t, pace, at, n)))
            return false;
        at += n;
        size -= n;
    }
    slot_set(t->slot, SLOT_WORK, 0);
    return true;
}

int64_t stream_end(struct http_thread *t, bool head_only)
{
    bool whole = head_only || t->open_end ||
                 (t->chunked ? t->chunks_ended : t->streamed == (int64_t)t->reply.size);

    if (!whole || !body_discard(t, LINGER_MAX))
        mg_disable_connection_keep_alive(t->conn);
    return whole ? (int64_t)t->out.size + t->streamed : -1;
}

int64_t reply_send(struct http_thread *t, bool head_only)
{
    bool close = must_close(t);
    int sent;
    bool whole;

    out_build(t, close, head_only);
    /* first this: civetweb would read an unread body to its end, however long that takes */
    if (close)
        mg_disable_connection_keep_alive(t->conn);
    slot_set(t->slot, SLOT_SEND, BODY_MAX_MS + (int64_t)t->out.size / SEND_BYTES_PER_MS);
    sent = mg_write(t->conn, t->out.data, t->out.size);
    whole = sent == (int)t->out.size;
    /* Closing with bytes unread would reset the connection, perhaps before the client has read the
     * reply. */
    if (!whole || !body_discard(t, LINGER_MAX))
        mg_disable_connection_keep_alive(t->conn);
    kept_trim(&t->out);
    kept_trim(&t->reply.text);
    return whole ? sent : -1;
}
