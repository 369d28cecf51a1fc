/* OpenAI's Responses API (platform.openai.com/docs/api-reference/responses-streaming). */
#include "chatd/upstream/dialect.h"

#include <json-c/json.h>
#include <string.h>

#include "chatd/upstream/model_input.h"
#include "chatd/upstream/sse_reader.h"
#include "common/cleanup.h"
#include "common/json.h"

/* platform.openai.com/docs/guides/file-inputs, and .../images-vision: an image is refused as a
 * file, and the other way round. */
static void file_part(struct text *out, const struct model_file *f)
{
    bool image = f->kind == MODEL_FILE_IMAGE;

    text_putc(out, '{');
    text_member_str(out, "type", image ? "input_image" : "input_file");
    text_member_str(out, "file_id", f->provider);
    if (image)
        text_member_str(out, "detail", "auto");
    text_putc(out, '}');
}

/* Each prompt is a message of its own: `instructions` would be sent back with every event that
 * holds the response. */
static void build(struct text *out, const struct model_input *in)
{
    static const struct model_words words = {.messages = "input",
                                             .limit = "max_output_tokens",
                                             .text_type = "input_text",
                                             .file_part = file_part};

    model_input_begin(out, in, &words);
    text_puts(out, ",\"stream\":true");
    /* what goes on in the background is stored, platform.openai.com/docs/guides/background */
    text_puts(out, in->background ? ",\"background\":true,\"store\":true}" : ",\"store\":false}");
}

static bool on_created(struct answer *a, struct json_object *e, struct text *delta)
{
    (void)delta;
    answer_copy(a->id, sizeof a->id, json_str(json_member(e, "response"), "id", ""));
    return true;
}

/* Text, and a refusal, which is the model's answer as well. */
static bool on_text(struct answer *a, struct json_object *e, struct text *delta)
{
    struct json_object *text = json_member(e, "delta");

    (void)a;
    if (!json_object_is_type(text, json_type_string))
        return false;
    text_add(delta, json_object_get_string(text), (size_t)json_object_get_string_len(text));
    return true;
}

static struct json_object *end_with(struct answer *a, struct json_object *e, const char *reason)
{
    struct json_object *response = json_member(e, "response");
    struct json_object *usage = json_member(response, "usage");

    answer_copy(a->finish_reason, sizeof a->finish_reason, reason);
    answer_copy(a->id, sizeof a->id, json_str(response, "id", a->id));
    a->usage.input = json_i64(usage, "input_tokens", -1);
    a->usage.output = json_i64(usage, "output_tokens", -1);
    a->usage.total = json_i64(usage, "total_tokens", -1);
    return response;
}

static bool on_completed(struct answer *a, struct json_object *e, struct text *delta)
{
    (void)delta;
    if (!end_with(a, e, "stop"))
        return false;
    a->state = ANSWER_COMPLETED;
    return true;
}

static bool on_incomplete(struct answer *a, struct json_object *e, struct text *delta)
{
    struct json_object *response = end_with(a, e, "max_output_tokens");
    const char *reason = json_str(json_member(response, "incomplete_details"), "reason", "");

    (void)delta;
    if (!response)
        return false;
    a->state = ANSWER_INCOMPLETE;
    if (strcmp(reason, "content_filter") == 0) {
        a->state = ANSWER_FAILED;
        answer_copy(a->finish_reason, sizeof a->finish_reason, reason);
        answer_copy(a->code, sizeof a->code, reason);
    }
    return true;
}

static bool on_failed(struct answer *a, struct json_object *e, struct text *delta)
{
    struct json_object *response = end_with(a, e, "");

    (void)delta;
    answer_error(a, json_member(response, "error"));
    a->state = ANSWER_FAILED;
    return true;
}

/* Flat in the API's description, nested on the wire. */
static bool on_error(struct answer *a, struct json_object *e, struct text *delta)
{
    struct json_object *nested = json_member(e, "error");

    (void)delta;
    answer_error(a, nested ? nested : e);
    a->state = ANSWER_FAILED;
    return true;
}

static const struct kind {
    const char *type;
    bool (*take)(struct answer *a, struct json_object *e, struct text *delta);
} kinds[] = {
    {"response.output_text.delta", on_text},
    {"response.refusal.delta", on_text},
    {"response.created", on_created},
    {"response.completed", on_completed},
    {"response.incomplete", on_incomplete},
    {"response.failed", on_failed},
    {"error", on_error},
};

static const struct kind *kind_named(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

/* Events of other kinds are not even parsed: most of them repeat the text. */
static bool event(struct answer *a, const struct sse_event *e, struct text *delta)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const struct kind *kind;
    const char *why;

    if ((e->name[0] && !kind_named(e->name)) || strcmp(e->data, "[DONE]") == 0)
        return true;
    if (json_parse(e->data, e->size, &o, &why) != DONE || !json_object_is_type(o, json_type_object))
        return false;
    a->sequence = json_i64(o, "sequence_number", a->sequence);
    kind = kind_named(json_str(o, "type", e->name));
    return kind ? kind->take(a, o, delta) : true;
}

static void end(struct answer *a)
{
    (void)a; /* without a last event the answer is broken off */
}

const struct dialect dialect_responses = {
    .name = "responses",
    .path = "/responses",
    .background = true,
    .file_ids = true,
    .build = build,
    .event = event,
    .end = end,
};
