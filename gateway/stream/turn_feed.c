/* What one reader of a turn's events is told. */
#include "gateway/stream/turn_feed.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "common/json.h"
#include "gateway/stream/cursor.h"
#include "gateway/stream/sse.h"
#include "proto/api.h"

void turn_feed_init(struct turn_feed *f, struct text *out)
{
    *f = (struct turn_feed){.out = out};
}

void turn_feed_drop(struct turn_feed *f)
{
    text_drop(&f->rest);
    text_drop(&f->tail);
}

size_t turn_feed_waiting(const struct turn_feed *f)
{
    return f->rest.size - f->rest_at;
}

/* The id of what is told now. */
static uint64_t id_now(const struct turn_feed *f)
{
    return cursor_make(f->attempt, f->taken - turn_feed_waiting(f));
}

static void tell(struct turn_feed *f, const char *name, struct text *data)
{
    sse_event(f->out, name, id_now(f), data->data, data->size);
    f->told++;
    text_drop(data);
}

/* ---- beginnings ---- */

static void accepted_tell(struct turn_feed *f)
{
    struct text data = {0};

    text_putc(&data, '{');
    text_member_i64(&data, "turn_id", f->turn);
    text_member_i64(&data, "conversation_id", f->conversation);
    text_member_i64(&data, "message_id", f->message);
    text_putc(&data, '}');
    tell(f, "accepted", &data);
}

void turn_feed_accept(struct turn_feed *f, int64_t turn, int64_t conversation, int64_t message,
                      const char *model)
{
    f->turn = turn;
    f->conversation = conversation;
    f->message = message;
    snprintf(f->model, sizeof f->model, "%s", model);
    accepted_tell(f);
}

static void queued_tell(struct turn_feed *f, int64_t position)
{
    struct text data = {0};

    f->is_started = false;
    if (position == f->position)
        return;
    f->position = position;
    text_putc(&data, '{');
    text_member_i64(&data, "position", position);
    text_putc(&data, '}');
    tell(f, "queued", &data);
}

static void started_tell(struct turn_feed *f)
{
    struct text data = {0};

    if (f->is_started || !f->attempt)
        return;
    f->is_started = true;
    f->position = 0;
    text_putc(&data, '{');
    text_member_i64(&data, "attempt", f->attempt);
    text_member_str(&data, "model", f->model);
    text_putc(&data, '}');
    tell(f, "started", &data);
}

/* Another attempt: what the reader has of the one before is worth nothing. */
static void attempt_begin(struct turn_feed *f, uint32_t attempt)
{
    struct text data = {0};
    bool again = f->attempt != 0;

    f->attempt = attempt;
    f->taken = 0;
    f->rest_at = 0;
    text_clear(&f->rest);
    f->is_started = false;
    if (!again)
        return;
    text_putc(&data, '{');
    text_member_i64(&data, "attempt", attempt);
    text_putc(&data, '}');
    tell(f, "restarted", &data);
}

/* ---- text ---- */

/*
 * Takes what is new in the text behind `from` bytes of the attempt.  False: there is a gap before
 * it, or it does not fit.
 */
static bool text_take(struct turn_feed *f, uint64_t from, const char *text, size_t size,
                      size_t most)
{
    uint64_t end = from + size;

    if (from > f->taken || end > CURSOR_BYTES_MAX - 1)
        return false;
    if (end <= f->taken)
        return true;
    text += f->taken - from;
    size = (size_t)(end - f->taken);
    if (turn_feed_waiting(f) + size > most)
        return false;
    if (f->rest_at == f->rest.size) {
        text_clear(&f->rest);
        f->rest_at = 0;
    }
    text_add(&f->rest, text, size);
    f->taken = end;
    return true;
}

static void piece_tell(struct turn_feed *f)
{
    size_t left = turn_feed_waiting(f), n = left < FEED_PIECE ? left : FEED_PIECE;
    const char *piece = f->rest.data + f->rest_at;
    struct text data = {0};

    while (n < left && n > 1 && (piece[n] & 0xc0) == 0x80)
        n--;
    text_puts(&data, "{\"text\":");
    text_json(&data, piece, n);
    text_putc(&data, '}');
    f->rest_at += n;
    tell(f, "delta", &data);
}

bool turn_feed_pump(struct turn_feed *f, size_t room)
{
    while (turn_feed_waiting(f) && f->out->size < room)
        piece_tell(f);
    if (turn_feed_waiting(f) || !f->has_ended)
        return false;
    if (f->tail.size)
        text_add(f->out, f->tail.data, f->tail.size);
    text_clear(&f->tail);
    return true;
}

/* ---- ends ---- */

bool turn_state_ended(const char *state)
{
    return strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 ||
           strcmp(state, "cancelled") == 0;
}

/* The last event, behind the text; its id is one more than the text's. */
static void last_tell(struct turn_feed *f, const char *name, struct text *data)
{
    sse_event(&f->tail, name, cursor_make(f->attempt, f->taken) + 1, data->data, data->size);
    text_drop(data);
    f->told++;
    f->has_ended = true;
    f->wants = false;
}

static void usage_tell(struct turn_feed *f, struct json_object *usage)
{
    const char *text;

    if (!usage)
        return;
    text = json_object_to_json_string_ext(usage, JSON_C_TO_STRING_PLAIN);
    sse_event(&f->tail, "usage", cursor_make(f->attempt, f->taken), text, strlen(text));
    f->told++;
}

static void failed_tell(struct turn_feed *f, const char *code, const char *detail, bool retryable)
{
    struct text data = {0};

    text_putc(&data, '{');
    text_member_str(&data, "code", code);
    text_member_str(&data, "detail", detail);
    text_puts(&data, retryable ? ",\"retryable\":true}" : ",\"retryable\":false}");
    last_tell(f, "failed", &data);
}

static void end_tell(struct turn_feed *f, const char *state, struct json_object *o,
                     const char *finish_reason)
{
    struct json_object *error = json_member(o, "error");
    struct text data = {0};

    usage_tell(f, json_member(o, "usage"));
    if (strcmp(state, "failed") == 0) {
        failed_tell(f, json_str(error, "code", "internal"),
                    json_str(error, "detail", api_text(INTERNAL)),
                    json_flag(error, "retryable", false));
        return;
    }
    text_putc(&data, '{');
    text_member_i64(&data, "message_id", json_i64(o, "message_id", f->message));
    if (strcmp(state, "completed") == 0)
        text_member_str(&data, "finish_reason", finish_reason);
    text_putc(&data, '}');
    last_tell(f, state, &data);
}

void turn_feed_gone(struct turn_feed *f)
{
    if (!f->has_ended)
        failed_tell(f, api_code(INTERRUPTED), "the conversation was deleted", false);
}

/* Text and end of a turn that has ended; `size`: of its whole text, from which `text` is a part. */
static void end_take(struct turn_feed *f, struct json_object *o, uint64_t from, uint64_t size,
                     const char *finish_reason)
{
    uint32_t attempt = (uint32_t)json_i64(o, "attempt", 0);
    struct json_object *text = json_member(o, "text");

    /* an attempt that was given up before it began leaves the one before as the last */
    if (attempt != f->attempt)
        attempt_begin(f, attempt);
    if (size < f->taken) /* the reader's place is not one of this text */
        attempt_begin(f, attempt);
    started_tell(f);
    if (text)
        text_take(f, from, json_object_get_string(text), (size_t)json_object_get_string_len(text),
                  FEED_REST_MAX);
    if (f->taken < size)
        f->wants = true;
    else
        end_tell(f, json_str(o, "state", ""), o, finish_reason);
}

/* ---- what comes in ---- */

static void ended_take(struct turn_feed *f, const struct event *e)
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *turn, *text;
    const char *why;

    f->wants = true; /* unless it is all there */
    if (json_parse(e->data, e->size, &o, &why) != DONE || !(turn = json_member(o, "turn")) ||
        !turn_state_ended(json_str(turn, "state", "")))
        return;
    text = json_member(turn, "text");
    f->wants = false;
    end_take(f, turn, 0, text ? (uint64_t)json_object_get_string_len(text) : 0,
             json_str(o, "finish_reason", NULL));
}

static void delta_take(struct turn_feed *f, const struct event *e)
{
    if (e->size > e->cursor || !text_take(f, e->cursor - e->size, e->data, e->size, FEED_REST_MAX))
        f->wants = true;
}

void turn_feed_event(struct turn_feed *f, const struct event *e)
{
    if (f->has_ended || e->attempt < f->attempt)
        return;
    if (e->what == EVENT_ENDED) {
        ended_take(f, e);
        return;
    }
    if ((e->what != EVENT_STATE && e->what != EVENT_DELTA) || !e->attempt)
        return;
    if (e->attempt > f->attempt)
        attempt_begin(f, e->attempt);
    started_tell(f);
    if (e->what == EVENT_DELTA)
        delta_take(f, e);
    else if (e->cursor > f->taken)
        f->wants = true;
}

void turn_feed_look(struct turn_feed *f, struct json_object *o)
{
    const char *state = json_str(o, "state", "");
    int64_t attempt = json_i64(o, "attempt", 0), from = json_i64(o, "from", 0);
    uint64_t size = (uint64_t)json_i64(o, "size", 0);
    struct json_object *text = json_member(o, "text");

    if (f->has_ended)
        return;
    f->wants = false;
    if (turn_state_ended(state)) {
        end_take(f, o, (uint64_t)from, size, json_str(o, "finish_reason", NULL));
        return;
    }
    if (attempt < f->attempt)
        return;
    if (strcmp(state, "queued") == 0) {
        queued_tell(f, json_i64(o, "position", 1));
        return;
    }
    if (attempt > f->attempt)
        attempt_begin(f, (uint32_t)attempt);
    started_tell(f);
    if (!text ||
        !text_take(f, (uint64_t)from, json_object_get_string(text),
                   (size_t)json_object_get_string_len(text), FEED_REST_MAX) ||
        f->taken < size)
        f->wants = true;
}

/* Whether a reader of an attempt can be behind so many bytes of its text, of which the answer tells
 * what lies behind `from`. */
static bool is_place(uint64_t bytes, struct json_object *o, bool is_over)
{
    struct json_object *text = json_member(o, "text");
    uint64_t from = (uint64_t)json_i64(o, "from", 0), size = (uint64_t)json_i64(o, "size", 0);
    const char *s = text ? json_object_get_string(text) : "";

    if (bytes > size)
        return !is_over || bytes == size + 1;
    if (bytes < from || bytes - from >= (text ? (uint64_t)json_object_get_string_len(text) : 0))
        return true;
    return (s[bytes - from] & 0xc0) != 0x80;
}

int turn_feed_resume(struct turn_feed *f, uint64_t cursor, struct json_object *o, bool *ret_over)
{
    uint32_t attempt = cursor_attempt(cursor), bytes = cursor_bytes(cursor);
    int64_t newest = json_i64(o, "attempt", 0);
    bool is_over = turn_state_ended(json_str(o, "state", ""));

    *ret_over = false;
    if (json_flag(o, "expired", false))
        return STREAM_EXPIRED;
    /* the start of an attempt that was given up before it began may have been told */
    if (attempt > newest ? attempt > newest + 1 || bytes : !attempt && bytes)
        return BAD_INPUT;
    if (attempt && attempt == newest && !is_place(bytes, o, is_over))
        return BAD_INPUT;
    if (attempt && is_over && attempt == newest && bytes == (uint64_t)json_i64(o, "size", 0) + 1) {
        *ret_over = true;
        return DONE;
    }
    f->attempt = attempt;
    f->taken = bytes;
    turn_feed_accept(f, json_i64(o, "id", 0), json_i64(o, "conversation_id", 0),
                     json_i64(o, "message_id", 0), json_str(o, "model", ""));
    turn_feed_look(f, o);
    return DONE;
}
