/* Chat completions: the older API, whole and in chunks. */
#include <string.h>

#include "buffer.h"
#include "call.h"
#include "routes.h"
#include "usage.h"

static const char *finish_reason(const struct call *call)
{
    if (call->ending == ENDING_LENGTH)
        return "\"length\"";
    return call->ending == ENDING_FILTERED ? "\"content_filter\"" : "\"stop\"";
}

static void object_start(struct buffer *out, const struct call *call, const char *object)
{
    buffer_text(out, "{\"id\":\"chatcmpl-");
    buffer_text(out, call->key);
    buffer_text(out, "\",\"object\":\"");
    buffer_text(out, object);
    buffer_text(out, "\",\"created\":");
    buffer_number(out, call->created_at);
    buffer_text(out, ",\"model\":");
    buffer_json_text(out, call->question.model);
    buffer_text(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_demo\"");
}

static void chunk_start(struct buffer *out, const struct call *call)
{
    buffer_text(out, "data: ");
    object_start(out, call, "chat.completion.chunk");
    buffer_text(out, ",\"choices\":[");
}

static void chunk_end(struct buffer *out, const struct call *call, const char *finish)
{
    buffer_text(out, ",\"logprobs\":null,\"finish_reason\":");
    buffer_text(out, finish);
    buffer_text(out, "}]");
    buffer_text(out, call->question.include_usage ? ",\"usage\":null}\n\n" : "}\n\n");
}

static unsigned completions_before(const struct call *call)
{
    (void)call;
    return 1;
}

static void completions_open(struct buffer *out, const struct call *call, unsigned frame)
{
    (void)frame;
    chunk_start(out, call);
    buffer_text(out, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\","
                     "\"refusal\":null}");
    chunk_end(out, call, "null");
}

static void completions_delta(struct buffer *out, const struct call *call, unsigned frame,
                              const char *text, size_t length)
{
    (void)frame;
    chunk_start(out, call);
    buffer_text(out, "{\"index\":0,\"delta\":{\"content\":");
    buffer_json(out, text, length);
    buffer_text(out, "}");
    chunk_end(out, call, "null");
}

/* the last chunk, (usage,) [DONE]; or one error */
static unsigned completions_behind(const struct call *call)
{
    switch (call->ending) {
    case ENDING_COMPLETED:
    case ENDING_LENGTH:
    case ENDING_FILTERED:
        return 2 + call->question.include_usage;
    case ENDING_FAILED:
    case ENDING_ERROR:
    case ENDING_ERROR_FLAT:
        return 1;
    default:
        return 0;
    }
}

static void completions_close(struct buffer *out, const struct call *call, unsigned nth,
                              unsigned frame)
{
    (void)frame;
    if (completions_behind(call) == 1) {
        buffer_text(out, "data: {\"error\":{\"message\":\"The model produced an error while it "
                         "answered.\",\"type\":\"server_error\",\"param\":null,"
                         "\"code\":\"server_error\"}}\n\n");
    } else if (nth == 0) {
        chunk_start(out, call);
        buffer_text(out, "{\"index\":0,\"delta\":{}");
        chunk_end(out, call, finish_reason(call));
    } else if (nth == 1 && call->question.include_usage) {
        chunk_start(out, call);
        buffer_text(out, "],\"usage\":");
        usage_write(out, call, QUESTION_COMPLETIONS);
        buffer_text(out, "}\n\n");
    } else {
        buffer_text(out, "data: [DONE]\n\n");
    }
}

static void completions_whole(struct buffer *out, const struct call *call)
{
    object_start(out, call, "chat.completion");
    buffer_text(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    buffer_json(out, call->answer.text, call->text_done);
    buffer_text(out, ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
                     "\"finish_reason\":");
    buffer_text(out, finish_reason(call));
    buffer_text(out, "}],\"usage\":");
    usage_write(out, call, QUESTION_COMPLETIONS);
    buffer_text(out, "}");
}

static const struct dialect completions = {
    .endpoint = "chat.completions",
    .api = QUESTION_COMPLETIONS,
    .before = completions_before,
    .behind = completions_behind,
    .open = completions_open,
    .delta = completions_delta,
    .close = completions_close,
    .whole = completions_whole,
};

void completion_create(struct connection *c)
{
    call_start(c, &completions);
}
