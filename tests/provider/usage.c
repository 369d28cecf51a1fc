/* Token counts of a call. */
#include "usage.h"

#include "buffer.h"
#include "call.h"

static long long tokens(size_t bytes, int said)
{
    return said >= 0 ? said : (long long)(bytes + 3) / 4;
}

void usage_write(struct buffer *out, const struct call *call, enum question_api api)
{
    const struct knobs *k = &call->knobs;
    long long input = tokens(call->question.input_bytes, k->usage_input);
    long long output = tokens(call->text_done, k->usage_output);

    if (k->no_usage) {
        buffer_text(out, "null");
        return;
    }
    if (api == QUESTION_RESPONSES)
        buffer_print(out,
                     "{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%d},"
                     "\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":%d},"
                     "\"total_tokens\":%lld}",
                     input, k->usage_cached, output, k->usage_reasoning, input + output);
    else
        buffer_print(out,
                     "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
                     "\"prompt_tokens_details\":{\"cached_tokens\":%d},"
                     "\"completion_tokens_details\":{\"reasoning_tokens\":%d}}",
                     input, output, input + output, k->usage_cached, k->usage_reasoning);
}
