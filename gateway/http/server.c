/* HTTP over civetweb: its callbacks, its start with all threads, its drain and stop. */
#include <civetweb.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "gateway/http/listener.h"
#include "gateway/http/parking.h"
#include "gateway/http/thread.h"
#include "proto/api.h"

#define QUEUE_SIZE    20   /* accepted connections that wait for a thread */
#define OTHER_FDS     256  /* bus, log, timers, reserve */
#define START_WAIT_MS 5000 /* for all threads to come up */
#define TEXT_OF_(x)   #x
#define TEXT_OF(x)    TEXT_OF_(x)

struct http_server {
    struct http_config config;
    struct mg_context *civet;
    struct slots *slots;
    struct listener listener;
    struct parking parking;
    struct http_thread *threads;
    char *scratch;     /* of all threads, in one piece: what no request has used takes no memory */
    atomic_uint begun; /* threads that have a number */
    atomic_uint workers, acceptors; /* threads that have come up */
    atomic_long info_offset;        /* of mg_request_info in mg_connection, 0: not known */
    atomic_bool draining;
};

int http_descriptors(unsigned threads)
{
    return (int)threads + QUEUE_SIZE + OTHER_FDS;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void *on_thread(const struct mg_context *ctx, int type)
{
    struct http_server *s = mg_get_user_data(ctx);
    struct http_thread *t;
    unsigned i;

    if (type != 1) {
        atomic_fetch_add(&s->acceptors, type == 0);
        return NULL;
    }
    i = atomic_fetch_add(&s->begun, 1);
    t = &s->threads[i];
    t->server = s;
    t->slots = s->slots;
    t->slot = slot_new(s->slots);
    t->request.thread = t;
    t->request.scratch = s->scratch + i * s->config.scratch_size;
    atomic_fetch_add(&s->workers, 1); /* now it can be counted on */
    parking_enter(&s->parking, &t->is_ready);
    return t;
}

/*
 * Until a request is parsed civetweb does not tell whose a connection is, although it knows: in the
 * request's structure inside of its own.  Where that is, a pointer shows that it was asked to keep.
 */
static long info_find(const struct mg_connection *conn)
{
    static char mark;
    const size_t in_info = offsetof(struct mg_request_info, conn_data);

    mg_set_user_connection_data(conn, &mark);
    for (size_t at = in_info; at < 2 * sizeof(struct mg_request_info); at += sizeof(void *))
        if (memcmp((const char *)conn + at, &(void *){&mark}, sizeof(void *)) == 0)
            return (long)(at - in_info);
    return 0;
}

static void peer_set(struct http_thread *t, const struct mg_connection *conn)
{
    const struct mg_request_info *ri = mg_get_request_info(conn);
    long offset = atomic_load_explicit(&t->server->info_offset, memory_order_relaxed);

    if (!ri && !offset)
        atomic_store(&t->server->info_offset, offset = info_find(conn));
    if (!ri && offset)
        ri = (const struct mg_request_info *)((const char *)conn + offset);
    if (ri && slot_peer(t->slot, ri->remote_addr, ri->remote_port))
        t->refused = !t->server->config.enter(t->server->config.state, ri->remote_addr, &t->place);
}

static int on_open(const struct mg_connection *conn, void **conn_data)
{
    struct http_thread *t = mg_get_thread_pointer(conn);

    (void)conn_data;
    parking_leave(&t->server->parking, &t->is_ready);
    slot_open(t->slots, t->slot);
    t->refused = false;
    peer_set(t, conn);
    if (t->refused)
        slot_stop_reading(t->slots, t->slot);
    return 0;
}

static void on_close(const struct mg_connection *conn)
{
    struct http_thread *t = mg_get_thread_pointer(conn);

    slot_close(t->slots, t->slot);
    t->server->config.leave(t->server->config.state, &t->place);
}

/* Behind on_close(), with the connection really gone. */
static void on_closed(const struct mg_connection *conn)
{
    struct http_thread *t = mg_get_thread_pointer(conn);

    parking_enter(&t->server->parking, &t->is_ready);
}

static void reply_reset(struct http_thread *t)
{
    struct http_reply *reply = &t->reply;

    text_clear(&reply->headers);
    text_clear(&reply->text);
    *reply = (struct http_reply){.headers = reply->headers, .text = reply->text};
    t->body_read = 0;
    t->body_failed = t->streams = t->open_end = t->chunked = t->chunks_ended = false;
    t->streamed = 0;
}

static int on_request(struct mg_connection *conn)
{
    struct http_thread *t = mg_get_thread_pointer(conn);
    struct http_server *s = t->server;
    const struct mg_request_info *ri = mg_get_request_info(conn);
    struct http_head head;
    const char *why = NULL;
    bool head_only;
    int64_t sent;
    int status;

    t->conn = conn;
    t->request.started_us = clock_us();
    t->request.address = ri->remote_addr;
    reply_reset(t);
    peer_set(t, conn);
    slot_set(t->slot, SLOT_WORK, 0);
    head_read(t, ri, &head);
    status = http_head_check(&head, &t->request.framing, &why);
    if (t->refused) {
        status = RATE_LIMITED;
        why = "too many connections from your network address";
    }
    s->config.handle(s->config.state, &t->request, status, why, &t->reply);
    t->reply.close |= status != DONE || slots_pressed(s->slots) || atomic_load(&s->draining);
    head_only = strcmp(t->request.method, "HEAD") == 0;
    sent = t->streams ? stream_end(t, head_only) : reply_send(t, head_only);
    s->config.done(s->config.state, &t->request, &t->reply, sent);
    slot_set(t->slot, SLOT_HEAD, HEAD_MAX_MS);
    return t->reply.status;
}

/* Our statuses for what civetweb refuses by itself. */
static int refusal_status(struct http_thread *t, int status)
{
    if (t->refused)
        return RATE_LIMITED;
    if (slot_head_is_late(t->slot))
        return BODY_TIMEOUT;
    if (head_was_too_large(t))
        return HEADERS_TOO_LARGE;
    return status == 500 ? INTERNAL : BAD_REQUEST;
}

/* Nothing is known of the request: what civetweb's structure holds may be an earlier one's. */
static int on_error(struct mg_connection *conn, int status, const char *message)
{
    struct http_thread *t = mg_get_thread_pointer(conn);
    struct http_server *s = t->server;
    const struct mg_request_info *ri = mg_get_request_info(conn);

    (void)message;
    t->conn = conn;
    peer_set(t, conn);
    reply_reset(t);
    t->request.framing = (struct http_framing){0};
    s->config.refuse(s->config.state, ri ? ri->remote_addr : "", refusal_status(t, status),
                     &t->reply);
    reply_send(t, false);
    return 0;
}

static int on_message(const struct mg_connection *conn, const char *message)
{
    char quoted[512];

    (void)conn;
    log_line(LOG_LEVEL_WARN, "http=%s", log_quote(message, quoted, sizeof quoted));
    return 1;
}

static int civet_start(struct http_server *s)
{
    static const struct mg_callbacks callbacks = {.begin_request = on_request,
                                                  .http_error = on_error,
                                                  .log_message = on_message,
                                                  .init_thread = on_thread,
                                                  .init_connection = on_open,
                                                  .connection_close = on_close,
                                                  .connection_closed = on_closed};
    char ports[80], threads[16];
    const char *options[] = {"listening_ports",
                             ports,
                             "num_threads",
                             threads,
                             "max_request_size",
                             TEXT_OF(REQUEST_BUFFER),
                             "connection_queue",
                             TEXT_OF(QUEUE_SIZE),
                             "listen_backlog",
                             "1024",
                             "request_timeout_ms",
                             TEXT_OF(HEAD_MAX_MS),
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             TEXT_OF(HEAD_KEPT_MS),
                             "tcp_nodelay",
                             "1",
                             "decode_url", /* we do, strictly */
                             "no",
                             "enable_auth_domain_check",
                             "no",
                             NULL};

    snprintf(ports, sizeof ports, "%s:%d", s->config.listen, s->config.port);
    snprintf(threads, sizeof threads, "%u", s->config.threads);
    mg_init_library(0);
    s->civet = mg_start(&callbacks, s, options);
    return s->civet ? DONE : FAULT("cannot listen on %s", ports);
}

/* civetweb starts with as many threads as it gets, maybe without the one that accepts. */
static int threads_wait(struct http_server *s)
{
    for (int ms = 0; ms < START_WAIT_MS; ms += 10) {
        if (atomic_load(&s->workers) == s->config.threads && atomic_load(&s->acceptors) == 1)
            return DONE;
        sleep_ms(10);
    }
    return FAULT("only %u of %u HTTP threads and %u of 1 acceptor came up: raise TasksMax or lower "
                 "HTTP_THREADS",
                 atomic_load(&s->workers), s->config.threads, atomic_load(&s->acceptors));
}

int http_start(const struct http_config *config, struct http_server **ret)
{
    int limit = http_descriptors(config->threads), r;
    struct http_server *s = calloc(1, sizeof *s);

    if (!s || !(s->threads = calloc(config->threads, sizeof *s->threads)) ||
        !(s->scratch = calloc(config->threads, config->scratch_size)))
        abort();
    s->config = *config;
    listener_init(&s->listener);
    parking_init(&s->parking);
    s->slots = slots_new(config->threads, limit);
    *ret = s; /* requests may come before this function returns */
    if ((r = descriptors_raise(limit)) < 0 || (r = civet_start(s)) < 0 ||
        (r = threads_wait(s)) < 0 || (r = listener_find(config->port, limit, &s->listener)) < 0 ||
        (r = slots_watch(s->slots, &s->listener)) < 0) {
        http_drop(ret);
        return r;
    }
    return DONE;
}

void http_close(struct http_server *s)
{
    atomic_store(&s->draining, true);
    slots_drain(s->slots);
    listener_close(&s->listener);
}

unsigned http_drain(struct http_server *s, int64_t max_ms)
{
    int64_t end = clock_ms() + max_ms;

    http_close(s);
    while (slots_busy(s->slots) > 0 && clock_ms() < end)
        sleep_ms(10);
    return slots_busy(s->slots);
}

static void thread_drop(struct http_server *s, struct http_thread *t)
{
    if (t->request.scratch)
        s->config.scratch_drop(t->request.scratch);
    text_drop(&t->reply.headers);
    text_drop(&t->reply.text);
    text_drop(&t->out);
}

void http_drop(struct http_server **s)
{
    if (!*s)
        return;
    slots_stop((*s)->slots);
    if ((*s)->civet && atomic_load(&(*s)->acceptors) == 0) {
        /* civetweb ends no workers then: they keep what they wait at, until the process ends */
        *s = NULL;
        return;
    }
    if ((*s)->civet) {
        /* its acceptor looks for the end only every two seconds otherwise */
        listener_wake(&(*s)->listener);
        parking_end(&(*s)->parking);
        mg_stop((*s)->civet);
        mg_exit_library();
    }
    slots_drop(&(*s)->slots);
    for (unsigned i = 0; i < (*s)->config.threads; i++)
        thread_drop(*s, &(*s)->threads[i]);
    free((*s)->threads);
    free((*s)->scratch);
    free(*s);
    *s = NULL;
}

unsigned http_busy(const struct http_server *s)
{
    return slots_busy(s->slots);
}

bool http_draining(const struct http_server *s)
{
    return atomic_load(&s->draining);
}

uint64_t http_cut_count(const struct http_server *s)
{
    return slots_cut_count(s->slots);
}

bool http_paused(const struct http_server *s)
{
    return atomic_load(&s->listener.paused);
}

const char *http_header(const struct http_request *r, const char *name)
{
    return http_header_find(r->headers, r->header_count, name);
}
