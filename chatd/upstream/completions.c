/* The Chat Completions API, which most other servers speak. */
#include "chatd/upstream/dialect.h"

#include <json-c/json.h>
#include <string.h>

#include "chatd/upstream/model_input.h"
#include "chatd/upstream/sse_reader.h"
#include "common/cleanup.h"
#include "common/json.h"

/* `max_tokens` is the older name, and the one that every server knows. */
static void build(struct text *out, const struct model_input *in)
{
    static const struct model_words words = {.messages = "messages", .limit = "max_tokens"};

    model_input_begin(out, in, &words);
    text_puts(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

static void add(struct text *delta, struct json_object *s)
{
    if (json_object_is_type(s, json_type_string))
        text_add(delta, json_object_get_string(s), (size_t)json_object_get_string_len(s));
}

/* Our word for it; whatever else ends an answer (tools, stop words) is an end. */
static const char *finish_word(const char *reason)
{
    if (strcmp(reason, "length") == 0)
        return "max_output_tokens";
    return strcmp(reason, "content_filter") == 0 ? "content_filter" : "stop";
}

static void take_choice(struct answer *a, struct json_object *choice, struct text *delta)
{
    struct json_object *new = json_member(choice, "delta");
    const char *reason = json_str(choice, "finish_reason", NULL);

    add(delta, json_member(new, "content"));
    add(delta, json_member(new, "refusal"));
    if (reason && *reason)
        answer_copy(a->finish_reason, sizeof a->finish_reason, finish_word(reason));
}

static void take_usage(struct answer *a, struct json_object *usage)
{
    if (!json_object_is_type(usage, json_type_object))
        return;
    a->usage.input = json_i64(usage, "prompt_tokens", -1);
    a->usage.output = json_i64(usage, "completion_tokens", -1);
    a->usage.total = json_i64(usage, "total_tokens", -1);
}

static void finish(struct answer *a)
{
    a->state = ANSWER_COMPLETED;
    if (strcmp(a->finish_reason, "max_output_tokens") == 0) {
        a->state = ANSWER_INCOMPLETE;
    } else if (strcmp(a->finish_reason, "content_filter") == 0) {
        a->state = ANSWER_FAILED;
        answer_copy(a->code, sizeof a->code, "content_filter");
    } else {
        answer_copy(a->finish_reason, sizeof a->finish_reason, "stop");
    }
}

static bool event(struct answer *a, const struct sse_event *e, struct text *delta)
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *choices, *error;
    const char *why;

    if (strcmp(e->data, "[DONE]") == 0) {
        finish(a);
        return true;
    }
    if (json_parse(e->data, e->size, &o, &why) != DONE || !json_object_is_type(o, json_type_object))
        return false;
    error = json_member(o, "error");
    if (error) {
        answer_error(a, error);
        a->state = ANSWER_FAILED;
        return true;
    }
    if (!a->id[0])
        answer_copy(a->id, sizeof a->id, json_str(o, "id", ""));
    choices = json_member(o, "choices");
    if (json_object_is_type(choices, json_type_array) && json_object_array_length(choices) > 0)
        take_choice(a, json_object_array_get_idx(choices, 0), delta);
    take_usage(a, json_member(o, "usage"));
    return true;
}

/* Some servers leave [DONE] out. */
static void end(struct answer *a)
{
    if (a->finish_reason[0])
        finish(a);
}

const struct dialect dialect_completions = {
    .name = "chat_completions",
    .path = "/chat/completions",
    .build = build,
    .event = event,
    .end = end,
};
