/* What a model is given: which messages, and how a request says them. */
#include "chatd/upstream/model_input.h"

#include <math.h>
#include <string.h>

#include "chatd/upstream/dialect.h"
#include "common/text.h"

#define BYTES_PER_TOKEN    4
#define TOKENS_PER_MESSAGE 4

int64_t model_input_tokens(size_t size)
{
    return (int64_t)((size + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE;
}

size_t model_input_dropped(const struct model_message *history, size_t count, int64_t budget)
{
    size_t kept = count; /* history[kept..] stays */
    int64_t cost = 0;

    for (size_t i = count; i-- > 0;) {
        cost += model_input_tokens(history[i].size);
        if (cost > budget)
            break;
        if (history[i].role == MODEL_ROLE_USER)
            kept = i;
    }
    return kept;
}

static void message(struct text *out, const char *role, const char *s, size_t size)
{
    text_puts(out, out->data[out->size - 1] == '[' ? "{" : ",{");
    text_member_str(out, "role", role);
    text_json_name(out, "content");
    text_json(out, s, size);
    text_putc(out, '}');
}

static void said(struct text *out, const struct model_message *m)
{
    message(out, m->role == MODEL_ROLE_USER ? "user" : "assistant", m->text, m->size);
}

void model_input_begin(struct text *out, const struct model_input *in, const char *messages,
                       const char *limit)
{
    text_putc(out, '{');
    text_member_str(out, "model", in->model);
    text_json_name(out, messages);
    text_putc(out, '[');
    for (size_t i = 0; i < in->prompt_count; i++)
        message(out, "system", in->prompts[i], strlen(in->prompts[i]));
    for (size_t i = 0; i < in->history_count; i++)
        said(out, &in->history[i]);
    said(out, &in->message);
    text_putc(out, ']');
    if (in->has_temperature && isfinite(in->temperature)) {
        text_json_name(out, "temperature");
        text_printf(out, "%.15g", in->temperature);
    }
    if (in->max_output_tokens > 0)
        text_member_i64(out, limit, in->max_output_tokens);
}

void model_input_build(struct text *out, const struct dialect *dialect,
                       const struct model_input *in)
{
    dialect->build(out, in);
}
