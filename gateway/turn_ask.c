/* Asking for a turn. */
#include "gateway/turn_ask.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "common/json.h"
#include "gateway/call.h"

static bool number_add(struct params *p, const char *name, uint64_t n)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    return params_add(p, name, digits, strlen(digits));
}

int turn_ask(struct exchange *x, int64_t turn, uint32_t attempt, uint64_t after, size_t most,
             struct json_object **ret)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    struct bus_request request = call_request(x);
    char data[160];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *why;

    if (!number_add(&params, "turn_id", (uint64_t)turn) ||
        !number_add(&params, "attempt", attempt) || !number_add(&params, "after", after) ||
        !number_add(&params, "most", most))
        return FAULT("a turn's numbers do not fit");
    request.op = api_op(OP_turn_look);
    request.key = request.body = NULL;
    request.body_size = request.key_ttl = 0;
    request.retry_in_flight = false;
    request.params = (struct blob){params.data, params.size};
    request.deadline_ms = ASK_WAIT_MS;
    call_send(x->gateway->broker, &request, &reply);
    if (reply.status != DONE)
        return reply.status;
    if (!reply.body || json_parse(reply.body, reply.body_size, ret, &why) != DONE)
        return FAULT("turn_look answered with no JSON");
    return DONE;
}
