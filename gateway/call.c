/* Operations of the daemons: from an exchange to a bus request and back. */
#include "gateway/call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "gateway/auth.h"
#include "gateway/facts.h"

#define THEN_WAIT_MS 1000

struct bus_request call_request(const struct exchange *x)
{
    return (struct bus_request){
        .op = x->op,
        .caller = x->caller,
        .session = x->session,
        .admin = x->admin,
        .trace = x->asks,
        .key = x->key[0] ? x->key : NULL,
        .key_ttl = x->key_ttl,
        .address = x->address,
        .params = {x->params.data, x->params.size},
        .body = x->body.size ? x->body.data : NULL,
        .body_size = x->body.size,
        .deadline_ms = exchange_left_ms(x),
        /* a repeat of a chat is attached to the turn that the first one starts */
        .retry_in_flight = x->key_made || x->op->keep == KEEP_TURN,
    };
}

void call_send(struct broker *b, const struct bus_request *request, struct bus_reply *ret)
{
    struct bus_request again = *request;
    struct bus_reply better = {0};
    int64_t begun = clock_us(), spent_ms;

    broker_call(b, request, ret);
    if (ret->status != DONE || !ret->owner[0] || request->to)
        return;
    assert(!request->key && !request->on_turn); /* a read, which may be sent twice */
    spent_ms = (clock_us() - begun) / 1000;
    if (spent_ms >= request->deadline_ms)
        return;
    again.to = ret->owner;
    again.deadline_ms -= (uint32_t)spent_ms;
    broker_call(b, &again, &better);
    if (better.status != DONE) {
        bus_reply_drop(&better);
        return;
    }
    bus_reply_drop(ret);
    *ret = better;
}

int call_refused(struct exchange *x, const struct bus_reply *reply)
{
    x->problem.retry_after = reply->retry_after;
    x->problem.turn_id = reply->turn_id;
    return problem(x, reply->status, reply->field, reply->detail);
}

/* The same request with `after` moved on (RFC 8288). */
static void link_add(struct exchange *x, const char *next)
{
    struct text link = {0};
    const char *at = x->request->query;
    struct query_pair pair;

    text_printf(&link, "<%s?", x->request->path);
    while (query_next(&at, x->pair, &pair) == 1) {
        if (strcmp(pair.name, "after") == 0)
            continue;
        target_escape(&link, pair.name);
        text_putc(&link, '=');
        target_escape(&link, pair.value);
        text_putc(&link, '&');
    }
    text_puts(&link, "after=");
    target_escape(&link, next);
    text_puts(&link, ">; rel=\"next\"");
    http_reply_header(x->reply, "Link", link.data);
    text_drop(&link);
}

void call_headers(struct exchange *x, const struct bus_reply *reply)
{
    if (reply->location[0])
        http_reply_header(x->reply, "Location", reply->location);
    if (reply->next[0])
        link_add(x, reply->next);
    if (reply->replayed)
        http_reply_header(x->reply, "Idempotent-Replayed", "true");
}

int call_reply(struct exchange *x, const struct bus_reply *reply)
{
    int http = reply->http ? reply->http : x->op->ok;
    bool has_body = http != 204 && x->op->reply != REPLY_NOTHING;

    if (reply->status != DONE)
        return call_refused(x, reply);
    if (has_body && !reply->body_size && reply->replayed)
        return problem(x, CONFLICT, "Idempotency-Key",
                       "this was done before, and what it answered is not kept");
    if (has_body && !reply->body_size)
        return FAULT("%s answered without a body", x->op->name);
    text_add(&x->reply->text, reply->body, reply->body_size);
    call_headers(x, reply);
    json_reply(x, http);
    if (!has_body)
        x->reply->type = NULL;
    return DONE;
}

/* What the row wants called after a success.  Whatever becomes of it, the answer stays. */
static void then_call(struct exchange *x)
{
    for (unsigned i = 0; i < x->op->then_count; i++) {
        cleanup(bus_reply_drop) struct bus_reply reply = {0};
        struct bus_request request = call_request(x);
        request.op = api_op(x->op->then[i]);
        request.key = NULL;
        request.body = NULL;
        request.body_size = 0;
        if (request.deadline_ms > THEN_WAIT_MS)
            request.deadline_ms = THEN_WAIT_MS;
        broker_call(x->gateway->broker, &request, &reply);
        if (reply.status != DONE)
            log_line(LOG_LEVEL_NOTICE, "event=then_failed op=%s code=%s", request.op->name,
                     api_code(reply.status));
    }
}

/* A session that was ended by way of this gateway is refused here at once. */
static void session_forget(const struct exchange *x)
{
    const char *id;

    if (x->op->id == OP_user_logout || x->op->id == OP_user_delete)
        auth_session_ended(x->gateway->auth, x->session);
    if (x->op->id == OP_session_end &&
        (id = params_get(x->params.data, x->params.size, "session_id")) != NULL)
        auth_session_ended(x->gateway->auth, strtoll(id, NULL, 10));
    if (x->op->id == OP_apikey_delete &&
        (id = params_get(x->params.data, x->params.size, "key_id")) != NULL)
        auth_session_ended(x->gateway->auth, -strtoll(id, NULL, 10));
}

int call_step(struct exchange *x)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    const struct bus_request request = call_request(x);

    call_send(x->gateway->broker, &request, &reply);
    if (reply.cookie[0])
        cookie_set(x, reply.cookie);
    if (reply.status == DONE) {
        session_forget(x);
        then_call(x);
    }
    return call_reply(x, &reply);
}
