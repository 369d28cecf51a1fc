/* The Responses API: response objects, their stream of events, and stored background responses. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "connection.h"
#include "reply.h"
#include "routes.h"
#include "usage.h"

#define SERVER_ERROR "The model produced an error while it answered."

static const char *status_word(const struct call *call)
{
    static const char *const words[] = {
        [ENDING_COMPLETED] = "completed", [ENDING_LENGTH] = "incomplete",
        [ENDING_FILTERED] = "incomplete", [ENDING_FAILED] = "failed",
        [ENDING_ERROR] = "failed",        [ENDING_ERROR_FLAT] = "failed",
        [ENDING_NOTHING] = "completed",   [ENDING_CUT] = "completed",
        [ENDING_CANCELLED] = "cancelled",
    };

    if (call->state != CALL_ENDED)
        return call->state == CALL_WAITING ? "queued" : "in_progress";
    return words[call->ending];
}

static void part_write(struct buffer *out, const char *text, size_t length)
{
    buffer_text(out, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":");
    buffer_json(out, text, length);
    buffer_text(out, "}");
}

/* The message item; `status` in_progress has no content yet. */
static void item_write(struct buffer *out, const struct call *call, const char *status)
{
    buffer_text(out, "{\"id\":\"msg_");
    buffer_text(out, call->key);
    buffer_text(out, "\",\"type\":\"message\",\"status\":\"");
    buffer_text(out, status);
    buffer_text(out, "\",\"content\":[");
    if (strcmp(status, "in_progress") != 0)
        part_write(out, call->answer.text, call->text_done);
    buffer_text(out, "],\"role\":\"assistant\"}");
}

static void details_write(struct buffer *out, const struct call *call, const char *status)
{
    const char *reason = call->ending == ENDING_FILTERED ? "content_filter" : "max_output_tokens";

    buffer_text(out, ",\"error\":");
    if (!strcmp(status, "failed"))
        buffer_text(out, "{\"code\":\"server_error\",\"message\":\"" SERVER_ERROR "\"}");
    else
        buffer_text(out, "null");
    buffer_text(out, ",\"incomplete_details\":");
    if (!strcmp(status, "incomplete"))
        buffer_print(out, "{\"reason\":\"%s\"}", reason);
    else
        buffer_text(out, "null");
}

static void settings_write(struct buffer *out, const struct question *q)
{
    buffer_text(out, ",\"instructions\":");
    buffer_json_text(out, q->instructions);
    buffer_text(out, ",\"max_output_tokens\":");
    if (q->max_tokens)
        buffer_number(out, q->max_tokens);
    else
        buffer_text(out, "null");
    buffer_text(out, ",\"model\":");
    buffer_json_text(out, q->model);
    buffer_text(out, ",\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                     "\"reasoning\":{\"effort\":null,\"summary\":null},"
                     "\"service_tier\":\"default\",\"store\":");
    buffer_text(out, q->store ? "true" : "false");
    buffer_text(out, ",\"temperature\":");
    if (q->has_temperature)
        buffer_print(out, "%g", q->temperature);
    else
        buffer_text(out, "1");
    buffer_text(out, ",\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\","
                     "\"tools\":[],\"top_p\":1,\"truncation\":\"disabled\",\"user\":null,"
                     "\"metadata\":");
    buffer_text(out, q->metadata ? q->metadata : "{}");
}

static void response_write(struct buffer *out, const struct call *call, const char *status)
{
    bool has_output = !strcmp(status, "completed") || !strcmp(status, "incomplete");

    buffer_text(out, "{\"id\":\"resp_");
    buffer_text(out, call->key);
    buffer_text(out, "\",\"object\":\"response\",\"created_at\":");
    buffer_number(out, call->created_at);
    buffer_text(out, ",\"status\":\"");
    buffer_text(out, status);
    buffer_text(out, "\",\"background\":");
    buffer_text(out, call->question.background ? "true" : "false");
    details_write(out, call, status);
    settings_write(out, &call->question);
    buffer_text(out, ",\"output\":[");
    if (has_output)
        item_write(out, call, status);
    buffer_text(out, "],\"usage\":");
    if (has_output)
        usage_write(out, call, QUESTION_RESPONSES);
    else
        buffer_text(out, "null");
    buffer_text(out, "}");
}

static void event_start(struct buffer *out, const char *type, unsigned number)
{
    buffer_text(out, "event: ");
    buffer_text(out, type);
    buffer_text(out, "\ndata: {\"type\":\"");
    buffer_text(out, type);
    buffer_text(out, "\",\"sequence_number\":");
    buffer_number(out, number);
}

static void event_place(struct buffer *out, const struct call *call)
{
    buffer_text(out, ",\"item_id\":\"msg_");
    buffer_text(out, call->key);
    buffer_text(out, "\",\"output_index\":0,\"content_index\":0");
}

static void event_response(struct buffer *out, const struct call *call, const char *type,
                           unsigned number, const char *status)
{
    event_start(out, type, number);
    buffer_text(out, ",\"response\":");
    response_write(out, call, status);
    buffer_text(out, "}\n\n");
}

static void event_item(struct buffer *out, const struct call *call, const char *type,
                       unsigned number, const char *status)
{
    event_start(out, type, number);
    buffer_text(out, ",\"output_index\":0,\"item\":");
    item_write(out, call, status);
    buffer_text(out, "}\n\n");
}

static void event_part(struct buffer *out, const struct call *call, const char *type,
                       unsigned number, size_t length)
{
    event_start(out, type, number);
    event_place(out, call);
    buffer_text(out, ",\"part\":");
    part_write(out, call->answer.text, length);
    buffer_text(out, "}\n\n");
}

/* created, (queued,) in_progress, output_item.added, content_part.added */
static unsigned responses_before(const struct call *call)
{
    return call->question.background ? 5 : 4;
}

static void responses_open(struct buffer *out, const struct call *call, unsigned frame)
{
    bool background = call->question.background;

    if (frame == 0)
        event_response(out, call, "response.created", frame, background ? "queued" : "in_progress");
    else if (background && frame == 1)
        event_response(out, call, "response.queued", frame, "queued");
    else if (frame == 1U + background)
        event_response(out, call, "response.in_progress", frame, "in_progress");
    else if (frame == 2U + background)
        event_item(out, call, "response.output_item.added", frame, "in_progress");
    else
        event_part(out, call, "response.content_part.added", frame, 0);
}

static void responses_delta(struct buffer *out, const struct call *call, unsigned frame,
                            const char *text, size_t length)
{
    event_start(out, "response.output_text.delta", frame);
    event_place(out, call);
    buffer_text(out, ",\"delta\":");
    buffer_json(out, text, length);
    buffer_text(out, ",\"logprobs\":[]}\n\n");
}

static void error_event(struct buffer *out, const struct call *call, unsigned frame)
{
    event_start(out, "error", frame);
    if (call->ending == ENDING_ERROR)
        buffer_text(out, ",\"error\":{\"type\":\"server_error\",\"code\":\"server_error\","
                         "\"message\":\"" SERVER_ERROR "\",\"param\":null}}\n\n");
    else
        buffer_text(out, ",\"code\":\"server_error\",\"message\":\"" SERVER_ERROR
                         "\",\"param\":null}\n\n");
}

static unsigned responses_behind(const struct call *call)
{
    switch (call->ending) {
    case ENDING_COMPLETED:
    case ENDING_LENGTH:
    case ENDING_FILTERED:
        return 4;
    case ENDING_FAILED:
    case ENDING_ERROR:
    case ENDING_ERROR_FLAT:
        return 1;
    default:
        return 0;
    }
}

/* output_text.done, content_part.done, output_item.done, completed; or one event of a failure */
static void responses_close(struct buffer *out, const struct call *call, unsigned nth,
                            unsigned frame)
{
    const char *status = call->ending == ENDING_COMPLETED ? "completed" : "incomplete";

    if (call->ending == ENDING_FAILED) {
        event_response(out, call, "response.failed", frame, "failed");
    } else if (call->ending == ENDING_ERROR || call->ending == ENDING_ERROR_FLAT) {
        error_event(out, call, frame);
    } else if (nth == 0) {
        event_start(out, "response.output_text.done", frame);
        event_place(out, call);
        buffer_text(out, ",\"text\":");
        buffer_json(out, call->answer.text, call->text_done);
        buffer_text(out, ",\"logprobs\":[]}\n\n");
    } else if (nth == 1) {
        event_part(out, call, "response.content_part.done", frame, call->text_done);
    } else if (nth == 2) {
        event_item(out, call, "response.output_item.done", frame, status);
    } else {
        event_response(out, call,
                       call->ending == ENDING_COMPLETED ? "response.completed"
                                                        : "response.incomplete",
                       frame, status);
    }
}

static void responses_whole(struct buffer *out, const struct call *call)
{
    response_write(out, call, status_word(call));
}

static const struct dialect responses = {
    .endpoint = "responses",
    .api = QUESTION_RESPONSES,
    .before = responses_before,
    .behind = responses_behind,
    .open = responses_open,
    .delta = responses_delta,
    .close = responses_close,
    .whole = responses_whole,
};

void response_create(struct connection *c)
{
    call_start(c, &responses);
}

/* The path's response, or NULL and the 404 is given. */
static struct call *response_find(struct connection *c)
{
    struct call *call = strncmp(c->id, "resp_", 5) ? NULL : calls_find(c->id + 5);
    struct buffer message = {0};
    char *text;

    if (call && call->accepted && call->question.store && call->dialect == &responses)
        return call;
    buffer_print(&message, "Response with id '%s' not found.", c->id);
    text = buffer_take(&message);
    reply_error(
        c, &(struct api_error){.status = 404, .type = "invalid_request_error", .message = text});
    free(text);
    return NULL;
}

static void reply_response(struct connection *c, const struct call *call)
{
    struct buffer body = {0};

    responses_whole(&body, call);
    reply_json(c, &body);
    buffer_free(&body);
}

/* With ?stream=true: the events after `starting_after`, then the live ones. */
void response_get(struct connection *c)
{
    struct call *call = response_find(c);
    char text[24];
    bool stream;
    long after = -1;

    if (!call)
        return;
    stream = http_query(&c->http, "stream", text, sizeof text) && !strcmp(text, "true");
    if (!stream)
        return reply_response(c, call);
    if (!call->question.background || !call->question.stream)
        return reply_invalid(c, NULL, "stream",
                             "This response cannot be streamed because it was not created with "
                             "background=true and stream=true.");
    if (http_query(&c->http, "starting_after", text, sizeof text))
        after = strtol(text, NULL, 10);
    if (after < -1 || after > 1 << 24)
        return reply_invalid(c, NULL, "starting_after", "Invalid 'starting_after'.");
    c->write_max = (size_t)call->knobs.split;
    reply_stream(c);
    follow(c, call, (unsigned)(after + 1));
    follow_pump(&c->follower);
}

void response_cancel(struct connection *c)
{
    struct call *call = response_find(c);

    if (!call)
        return;
    if (!call->question.background)
        return reply_invalid(c, NULL, NULL, "Cannot cancel a synchronous response.");
    if (call->outcome == OUTCOME_RUNNING)
        call_cancel(call);
    reply_response(c, call);
}
