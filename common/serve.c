/* From a job to a call, and from a result to an answer. */
#include "common/serve.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/spans.h"
#include "common/trace.h"
#include "common/transfer.h"
#include "common/utf8.h"

#define FRAME_STR_MAX 255 /* bytes of a string in a frame's head */

void *call_state(const struct call *c)
{
    return daemon_state(c->daemon);
}

int refuse(struct call *c, int status, const char *field, const char *fmt, ...)
{
    char text[250];
    va_list ap;

    c->field = field ? arena_strndup(&c->arena, field, strnlen(field, FRAME_STR_MAX)) : NULL;
    if (fmt) {
        size_t size;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        size = strlen(text);
        /* a cut inside a character is moved in front of it */
        while (size && !utf8_check(text, size))
            size--;
        c->detail = arena_strndup(&c->arena, text, size);
    }
    return status;
}

/* A traced request: from here on this operation is who asks. */
static void span_open(struct call *c)
{
    char asks[TRACE_SIZE];
    struct trace t;

    trace_read(&t, c->trace);
    if (!t.span[0])
        return;
    span_id_make(t.span);
    trace_print(&t, asks);
    c->trace = arena_strndup(&c->arena, asks, strlen(asks));
}

static void span_close(const struct call *c, const struct job *j, int http, int64_t begun_us)
{
    struct trace own, asker;
    const struct span_fact facts[] = {
        {.name = "http.response.status_code", .number = http},
        {.name = "enduser.id", .number = c->caller > 0 ? c->caller : -1},
    };

    trace_read(&own, c->trace);
    trace_read(&asker, j->head.trace);
    if (own.span[0] && c->op)
        span_end(&(struct span){.name = c->op->name,
                                .kind = SPAN_SERVER,
                                .trace = &own,
                                .parent = asker.span,
                                .begun_us = begun_us,
                                .failed = http >= 500},
                 facts, sizeof facts / sizeof *facts);
}

void call_begin(struct call *c, struct daemon *d, struct job *j)
{
    c->daemon = d;
    c->op = j->op;
    c->deadline_us = j->deadline_us;
    c->transfer = j->transfer;
    if (j->task)
        return;
    c->caller = (int64_t)j->head.caller;
    c->session = (int64_t)j->head.session;
    c->admin = j->head.admin;
    c->trace = j->head.trace;
    c->address = j->head.address;
    c->key = j->head.key[0] ? j->head.key : NULL;
    c->key_ttl = j->head.key_ttl;
    log_trace(c->trace);
    if (spans_on())
        span_open(c);
}

static int scope_check(const struct call *c)
{
    switch (c->op->scope) {
    case SCOPE_ANYONE:
        return DONE;
    case SCOPE_USER:
        return c->caller > 0 ? DONE : UNAUTHORIZED;
    case SCOPE_SESSION: /* an API key's is negative */
        return c->caller <= 0 ? UNAUTHORIZED : c->session > 0 ? DONE : FORBIDDEN;
    case SCOPE_ADMIN:
        return c->caller <= 0 ? UNAUTHORIZED : c->admin ? DONE : FORBIDDEN;
    case SCOPE_FOR_GATEWAY:
    case SCOPE_FOR_CHAT:
    case SCOPE_FOR_AUTH:
    case SCOPE_FOR_AUDIT:
    case SCOPE_FOR_PROJECT:
    case SCOPE_FOR_CHAT_FILE:
    case SCOPE_FOR_FILE:
        return DONE; /* the broker let only those peers through */
    }
    return FORBIDDEN;
}

static int body_parse(struct call *c, struct job *j, struct json_object **ret)
{
    size_t size;
    const char *body = job_body(j, &size), *why = NULL;
    int r;

    if (!size && !api_needs_body(c->op))
        return DONE;
    r = json_parse(body, size, ret, &why);
    if (r)
        return refuse(c, r, NULL, "the body is not valid JSON: %s", size ? why : "it is empty");
    if (!json_object_is_type(*ret, json_type_object))
        return refuse(c, BAD_INPUT, "body", "the body must be a JSON object");
    return DONE;
}

int call_decode(struct call *c, struct job *j, struct json_object **ret_json, void **ret_in)
{
    const char *field = NULL, *why = NULL;
    int r;

    if (!c->op || !c->daemon->service->handlers[c->op->id].mine)
        return NOT_FOUND;
    r = scope_check(c);
    if (!r && api_has_body(c->op))
        r = body_parse(c, j, ret_json);
    if (r)
        return r;
    *ret_in = arena_alloc(&c->arena, c->op->in_size);
    r = api_decode(c->op, j->head.params.data, j->head.params.size, *ret_json, *ret_in, &field,
                   &why);
    if (r == BAD_INPUT) {
        char name[80];
        snprintf(name, sizeof name, "%s", field);
        return refuse(c, r, name, "%s: %s", name, why);
    }
    return r;
}

/* A column behind the shape's names the instance that has the object in its memory. */
static void owner_take(struct call *c, const struct pg_result *rows)
{
    int column = 0;

    while (c->op->out->fields[column].name)
        column++;
    if (rows_columns(rows) > column && !rows_null(rows, 0, column) &&
        strcmp(rows_str(rows, 0, column), daemon_instance(c->daemon)) != 0)
        c->owner = arena_strndup(&c->arena, rows_str(rows, 0, column), FRAME_STR_MAX);
}

int call_rows(struct call *c, const struct pg_result *rows, int64_t limit)
{
    int n = rows_count(rows);

    if (n == 0 && c->op->reply != REPLY_LIST)
        return NOT_FOUND;
    if (c->op->reply == REPLY_ONE) {
        row_json(&c->out, c->op->out, rows, 0);
        owner_take(c, rows);
        return DONE;
    }
    if (n == 1 && c->op->reply == REPLY_LIST_UNDER && rows_null(rows, 0, 0))
        n = 0;
    rows_json(&c->out, c->op->out, rows, n);
    if (n > 0 && n >= limit)
        snprintf(c->next, sizeof c->next, "%" PRId64, rows_i64(rows, n - 1, 0));
    return DONE;
}

const char *call_location(struct call *c)
{
    const char *template = c->location ? c->location : c->op->location, *hole;

    if (!template || c->location)
        return template;
    hole = strstr(template, "{id}");
    if (!hole)
        return template;
    return arena_printf(&c->arena, "%.*s%" PRId64 "%s", (int)(hole - template), template, c->new_id,
                        hole + 4);
}

/* The reply into a job; c->out goes with it. */
static void reply_fill(struct call *c, struct job *j, uint64_t id, int status, bool streams)
{
    int http = status ? api_http(status) : c->http ? c->http : c->op->ok;

    j->reply = (struct envelope){
        .kind = FRAME_REPLY,
        .id = id,
        .status = (uint16_t)status,
        .http = (uint16_t)http,
        .replayed = c->replayed,
        .retry_after = c->retry_after,
        .turn_id = (uint64_t)c->turn_id,
        .field = status ? c->field : NULL,
        .detail = status ? c->detail : NULL,
        .location = status ? NULL : call_location(c),
        .next = c->next,
        .cookie = c->cookie,
        .stream = streams,
        .owner = status ? NULL : c->owner,
    };
    text_reserve(&j->reply_head, 2048);
    j->reply_head.size = envelope_encode(&j->reply, j->reply_head.data, 2048);
    if (!status) {
        j->reply_body = c->out;
        j->news = c->news;
        c->news = (struct text){0};
        c->out = (struct text){0};
    }
}

void call_answer_early(struct call *c, uint64_t id, int gateway)
{
    struct job *j = calloc(1, sizeof *j);

    if (!j)
        abort();
    zmq_msg_init(&j->head_frame);
    zmq_msg_init(&j->body_frame);
    j->gateway = gateway;
    reply_fill(c, j, id, DONE, true);
    bus_reply(c->daemon->bus, j);
}

static void slow_tell(const struct call *c, int64_t usec)
{
    int64_t most = atomic_load(&c->daemon->slow_request_us);

    if (most && usec > most && c->op && c->op->lane != LANE_BULK)
        log_line(LOG_LEVEL_NOTICE, "event=slow_request op=%s usec=%" PRId64, c->op->name, usec);
}

void call_answer(struct call *c, struct job *j, int r, int64_t started_us)
{
    int status = r < 0 ? INTERNAL : r;
    int http = status ? api_http(status) : c->http ? c->http : c->op->ok;
    const struct op *op = c->op;

    if (c->transfer && transfer_streams(c->transfer))
        transfer_finish(c->transfer, r == DONE);
    else
        reply_fill(c, j, j->head.id, status, false);
    c->transfer = NULL; /* the bus thread's from here */
    log_line(LOG_LEVEL_INFO, "op=%s caller=%" PRId64 " status=%d usec=%" PRId64,
             op ? op->name : "unknown", c->caller, http, clock_us() - started_us);
    slow_tell(c, clock_us() - started_us);
    if (spans_on())
        span_close(c, j, http, started_us);
    log_trace(NULL);
    bus_reply(c->daemon->bus, j);
}

int call_peer(struct call *c, enum op_id op, const struct params *params, const char **ret_body,
              size_t *ret_size)
{
    struct envelope e = {
        .kind = FRAME_REQUEST,
        .op = api_op(op)->name,
        .caller = (uint64_t)c->caller,
        .session = (uint64_t)c->session,
        .admin = c->admin,
        .trace = c->trace,
        .address = c->address,
        .params = {params->data, params->size},
    };

    return bus_ask(c->daemon->bus, &e, c->deadline_us, &c->arena, ret_body, ret_size);
}
