/* What every request goes through, in this order. */
#include "gateway/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hang.h"
#include "common/log.h"
#include "common/spans.h"
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

#define BODY_KEPT 16384 /* a thread's buffer that grew beyond this is given back */

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

/* The request's id, and where it stands in the client's trace: X-Request-Id, else the trace id of a
 * traceparent, else one of our own.  Where nothing is traced here, the client's span is passed on
 * to whom we ask, if it wants the trace to be kept. */
static void trace_begin(struct exchange *x, const struct http_request *r)
{
    const char *id = r ? http_header(r, "X-Request-Id") : NULL;
    struct trace *t = &x->trace;
    bool sampled = false;

    *t = (struct trace){0};
    x->parent[0] = '\0';
    if (r && traceparent_read(http_header(r, "traceparent"), t, &sampled))
        snprintf(x->parent, sizeof x->parent, "%s", t->span);
    if (id && is_trace(id))
        snprintf(t->id, sizeof t->id, "%s", id);
    else if (x->parent[0])
        snprintf(t->id, sizeof t->id, "%s", t->client);
    else
        trace_make(t->id);
    if (r && spans_on() && (sampled || !x->parent[0]))
        span_id_make(t->span);
    else if (!sampled)
        t->span[0] = '\0';
    trace_print(t, x->asks);
}

static void exchange_start(struct exchange *x, struct gateway *g, struct http_request *r,
                           struct http_reply *reply)
{
    *x->path = *x->address = '\0';
    x->tls = x->by_proxy = false;
    x->gateway = g;
    x->request = r;
    x->reply = reply;
    x->op = NULL;
    x->admitted = x->is_chat = x->is_transfer = x->admin = x->limited = x->key_made = false;
    x->params = (struct params){.data = x->params_data, .capacity = sizeof x->params_data};
    x->caller = x->session = 0;
    x->rights = (struct key_rights){0};
    x->key[0] = '\0';
    x->key_ttl = 0;
    x->problem = (struct problem){0};
    x->status = DONE;
    text_clear(&x->body);
    trace_begin(x, r);
    log_trace(x->trace.id);
    http_reply_header(reply, "X-Request-Id", x->trace.id);
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

static void span_close(const struct exchange *x, const struct http_request *r, int status)
{
    char name[200];
    const struct span_fact facts[] = {
        {.name = "http.request.method", .text = r->method},
        {.name = "http.route", .text = x->op ? x->op->path : NULL, .number = -1},
        {.name = "http.response.status_code", .number = status},
        {.name = "enduser.id", .number = x->caller > 0 ? x->caller : -1},
    };

    snprintf(name, sizeof name, "%s %s", r->method, x->op ? x->op->path : "");
    span_end(&(struct span){.name = x->op ? name : r->method,
                            .kind = SPAN_SERVER,
                            .trace = &x->trace,
                            .parent = x->parent,
                            .begun_us = r->started_us,
                            .failed = status >= 500},
             facts, sizeof facts / sizeof *facts);
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
    if (spans_on() && x->trace.span[0] && !is_probe(x, reply))
        span_close(x, r, reply->status);
    access_log_write(g->access_log, r, x->address, x->caller, reply->status, bytes);
    log_trace(NULL);
    if (x->body.capacity > BODY_KEPT)
        text_drop(&x->body);
}
