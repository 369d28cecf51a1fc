/* What every request goes through, in this order. */
#include "gateway/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hang.h"
#include "common/log.h"
#include "gateway/access_log.h"
#include "gateway/admit.h"
#include "gateway/auth.h"
#include "gateway/call.h"
#include "gateway/chat.h"
#include "gateway/download.h"
#include "gateway/key_project.h"
#include "gateway/metrics.h"
#include "gateway/steps.h"
#include "gateway/system.h"
#include "gateway/turn_events.h"
#include "gateway/upload.h"

#define BODY_KEPT 65536 /* a thread's buffer that grew beyond this is given back */

/* Answers the operation: here, as a chat, or by its daemon. */
static int serve_step(struct exchange *x)
{
    if (x->op->lane == LANE_LOCAL)
        return x->op->stream == STREAM_EVENTS ? events_step(x) : system_step(x);
    if (x->op->stream == STREAM_UPLOAD || x->op->stream == STREAM_DOWNLOAD)
        return x->op->stream == STREAM_UPLOAD ? upload_step(x) : download_step(x);
    if (x->op->keep == KEEP_TURN)
        return events_wanted(x) ? turn_start_step(x) : chat_step(x);
    return call_step(x);
}

/*
 * The order matters: what costs little and refuses much comes first; nothing is read from a client
 * before we know that we want it; and no step looks at what a later one checks.
 */
static step_fn *const steps[] = {
    host_step, address_step, cors_step,        route_step,          admit_step, rate_address_step,
    auth_step, scope_step,   rate_user_step,   admit_transfer_step, media_step, params_step,
    key_step,  body_step,    key_project_step, serve_step,
};

size_t pipeline_scratch(void)
{
    return sizeof(struct exchange);
}

void pipeline_scratch_drop(void *scratch)
{
    struct exchange *x = scratch;

    text_drop(&x->body);
}

static bool is_trace(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return n >= 1 && n <= TRACE_MAX && !s[n];
}

/* Whether n characters are lower-case hexadecimal and not all zero. */
static bool is_hex_id(const char *s, size_t n)
{
    return strspn(s, "0123456789abcdef") >= n && strspn(s, "0") < n;
}

/* The trace id of a traceparent (W3C Trace Context, 3.2), as a request id; false: it is none. */
static bool trace_of_parent(const char *s, char ret[TRACE_MAX + 1])
{
    size_t n = s ? strlen(s) : 0;

    if (n < 55 || strspn(s, "0123456789abcdef") != 2 || strncmp(s, "ff", 2) == 0 || s[2] != '-' ||
        !is_hex_id(s + 3, 32) || s[35] != '-' || !is_hex_id(s + 36, 16) || s[52] != '-' ||
        strspn(s + 53, "0123456789abcdef") != 2 ||
        (n > 55 && (s[55] != '-' || strncmp(s, "00", 2) == 0)))
        return false;
    snprintf(ret, TRACE_MAX + 1, "%.32s", s + 3);
    return true;
}

static void exchange_start(struct exchange *x, struct gateway *g, struct http_request *r,
                           struct http_reply *reply)
{
    const char *trace = r ? http_header(r, "X-Request-Id") : NULL;

    *x->path = *x->address = '\0';
    x->tls = x->by_proxy = false;
    x->gateway = g;
    x->request = r;
    x->reply = reply;
    x->op = NULL;
    x->admitted = x->is_chat = x->is_transfer = x->admin = x->key_made = false;
    x->params = (struct params){.data = x->params_data, .capacity = sizeof x->params_data};
    x->caller = x->session = 0;
    x->rights = (struct key_rights){0};
    x->key[0] = '\0';
    x->key_ttl = 0;
    x->problem = (struct problem){0};
    x->status = DONE;
    text_clear(&x->body);
    if (trace && is_trace(trace))
        snprintf(x->trace, sizeof x->trace, "%s", trace);
    else if (!r || !trace_of_parent(http_header(r, "traceparent"), x->trace))
        trace_make(x->trace);
    log_trace(x->trace);
    http_reply_header(reply, "X-Request-Id", x->trace);
}

static int steps_run(struct exchange *x)
{
    int r = DONE;

    for (size_t i = 0; i < sizeof steps / sizeof *steps && !x->reply->status && r == DONE; i++)
        r = steps[i](x);
    return r;
}

bool pipeline_enter(void *state, const char *address, struct address_place *place)
{
    struct gateway *g = state;
    char group[ADDRESS_TEXT_MAX];

    if (address_is_loopback(address) || proxies_trust(g->proxies, address))
        return true;
    address_group(address, group);
    return addresses_enter(g->addresses, place, group);
}

void pipeline_leave(void *state, struct address_place *place)
{
    struct gateway *g = state;

    addresses_leave(g->addresses, place);
}

void pipeline_handle(void *state, struct http_request *r, int status, const char *detail,
                     struct http_reply *reply)
{
    struct exchange *x = r->scratch;

    hang_if_told("requests");
    exchange_start(x, state, r, reply);
    x->method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    x->by_proxy = proxies_client(x->gateway->proxies, r, x->address, &x->tls);
    safe_headers(x);
    x->problem.retry_after = status == RATE_LIMITED ? CONNECTIONS_RETRY : 0;
    status = status == DONE ? steps_run(x) : problem(x, status, NULL, detail);
    if (status != DONE)
        problem_reply(x, status);
    admit_end(x);
    addresses_leave(x->gateway->addresses, &x->place);
    assert(reply->status);
}

void pipeline_refuse(void *state, const char *address, int status, struct http_reply *reply)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (!x)
        abort();
    (void)address;
    exchange_start(x, state, NULL, reply);
    safe_headers(x);
    x->problem.retry_after = status == RATE_LIMITED ? CONNECTIONS_RETRY : 0;
    if (status == BODY_TIMEOUT)
        problem(x, status, NULL, "the request came too slowly");
    problem_reply(x, status);
    log_line(LOG_LEVEL_INFO, "op=- status=%d code=%s", reply->status, api_code(status));
    metrics_count(x->gateway->metrics, NULL, reply->status, 0);
    log_trace(NULL);
    text_drop(&x->body);
    free(x);
}

/* Proxies and we ourselves ask this all the time. */
static bool is_probe(const struct exchange *x, const struct http_reply *reply)
{
    return x->op && x->op->id == OP_health_live && reply->status == 200;
}

/* Slower than it should be, for what is ours to be fast in. */
static bool is_slow(const struct exchange *x, int64_t usec)
{
    int64_t most_ms = atomic_load(&x->gateway->slow_request_ms);

    return most_ms && usec > most_ms * 1000 && x->op && x->op->keep != KEEP_TURN &&
           x->op->stream == STREAM_NONE;
}

void pipeline_done(void *state, struct http_request *r, const struct http_reply *reply,
                   int64_t bytes)
{
    struct gateway *g = state;
    struct exchange *x = r->scratch;
    int64_t usec = clock_us() - r->started_us;

    metrics_count(g->metrics, x->op, reply->status, usec);
    log_line(is_probe(x, reply) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
             "op=%s method=%s status=%d%s%s usec=%lld bytes=%lld caller=%lld",
             x->op ? x->op->name : "-", r->method, reply->status, x->status ? " code=" : "",
             x->status ? api_code(x->status) : "", (long long)usec, (long long)bytes,
             (long long)x->caller);
    if (is_slow(x, usec))
        log_line(LOG_LEVEL_NOTICE, "event=slow_request op=%s status=%d usec=%lld", x->op->name,
                 reply->status, (long long)usec);
    access_log_write(g->access_log, r, x->address, x->caller, reply->status, bytes);
    log_trace(NULL);
    if (x->body.capacity > BODY_KEPT)
        text_drop(&x->body);
}
