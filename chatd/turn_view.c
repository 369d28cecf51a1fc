/* Turns as JSON: what TURN_SHAPE in queries.def says of a row. */
#include "chatd/turn_view.h"

#include <string.h>

#include "chatd/turn.h"
#include "common/db.h"
#include "common/text.h"

struct turn_view turn_view_of(const struct turn *t)
{
    return (struct turn_view){
        .id = t->id,
        .conversation = t->conversation,
        .user_message = t->user_message,
        .message = t->message,
        .attempt = t->attempt,
        .state = "running",
        .model = t->model,
        .created = t->created,
        .sent_with = t->sent_with.size ? t->sent_with.data : NULL,
        .text = t->answer.data ? t->answer.data : "",
        .text_size = t->answer.size,
        .input_tokens = -1,
    };
}

void turn_view_head(struct text *out, const struct turn_view *v)
{
    text_putc(out, '{');
    text_member_i64(out, "id", v->id);
    text_member_i64(out, "conversation_id", v->conversation);
    text_member_i64(out, "user_message_id", v->user_message);
    text_member_i64(out, "message_id", v->message);
    text_member_str(out, "state", v->state);
    text_member_i64(out, "attempt", v->attempt);
    text_member_str(out, "model", v->model);
}

static void usage_write(struct text *out, const struct turn_view *v)
{
    text_json_name(out, "usage");
    if (v->input_tokens < 0) {
        text_puts(out, "null");
        return;
    }
    text_putc(out, '{');
    text_member_i64(out, "input_tokens", v->input_tokens);
    text_member_i64(out, "output_tokens", v->output_tokens);
    text_member_i64(out, "total_tokens", v->input_tokens + v->output_tokens);
    text_member_i64(out, "dropped_messages", v->dropped_messages);
    text_putc(out, '}');
}

static void error_write(struct text *out, const struct turn_view *v)
{
    text_json_name(out, "error");
    if (!v->error) {
        text_puts(out, "null");
        return;
    }
    text_putc(out, '{');
    text_member_str(out, "code", v->error);
    text_member_str(out, "detail", v->detail);
    text_json_name(out, "retryable");
    text_puts(out, v->retryable ? "true}" : "false}");
}

void turn_view_json(struct text *out, const struct turn_view *v)
{
    turn_view_head(out, v);
    text_json_name(out, "text");
    text_json(out, v->text, v->text_size);
    usage_write(out, v);
    error_write(out, v);
    text_json_name(out, "sent_with");
    text_puts(out, v->sent_with);
    text_json_name(out, "created_at");
    time_json(out, v->created, strlen(v->created));
    text_json_name(out, "finished_at");
    if (v->finished)
        time_json(out, v->finished, strlen(v->finished));
    else
        text_puts(out, "null");
    text_putc(out, '}');
}
