/* Turns that run here, told from memory: the newest text there is. */
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/turn.h"
#include "common/call.h"
#include "common/db.h"

/* A copy of a running turn; strings belong to the call. */
struct view {
    int64_t id, conversation, user_message, message, attempt;
    const char *model, *created, *sent_with; /* the last NULL: not known here */
    bool cancelled;
    const char *text;        /* behind `from` bytes */
    size_t from, told, size; /* told: bytes of text; size: of the whole */
};

/* The question: bytes of an attempt's text that the asker has, and how many more it takes. */
struct question {
    int64_t id, attempt, after, most;
};

static bool is_inside(const struct text *s, size_t at)
{
    return at < s->size && (s->data[at] & 0xc0) == 0x80;
}

/* Where to go on: at the beginning when the attempt is another one, or no character begins there.
 */
static size_t text_start(const struct turn *t, const struct question *q)
{
    if (q->attempt != t->attempt || (uint64_t)q->after > t->answer.size ||
        is_inside(&t->answer, (size_t)q->after))
        return 0;
    return (size_t)q->after;
}

static size_t text_stop(const struct turn *t, const struct question *q, size_t from)
{
    size_t stop = t->answer.size;

    if (stop - from > (uint64_t)q->most)
        stop = from + (size_t)q->most;
    while (stop > from && is_inside(&t->answer, stop))
        stop--;
    return stop;
}

static void view_take(struct call *c, const struct turn *t, const struct question *q,
                      struct view *ret)
{
    size_t from = text_start(t, q), stop = text_stop(t, q, from);

    *ret = (struct view){
        .id = t->id,
        .conversation = t->conversation,
        .user_message = t->user_message,
        .message = t->message,
        .attempt = t->attempt,
        .model = arena_strndup(&c->arena, t->model, strlen(t->model)),
        .created = arena_strndup(&c->arena, t->created, strlen(t->created)),
        .sent_with = t->sent_with.size
                         ? arena_strndup(&c->arena, t->sent_with.data, t->sent_with.size)
                         : NULL,
        .cancelled = t->cancel,
        .from = from,
        .told = stop - from,
        .size = t->answer.size,
    };
    ret->text = arena_strndup(&c->arena, t->answer.data ? t->answer.data + from : "", ret->told);
}

/*
 * The caller's turn, if it runs here beyond doubt.  One whose end is not written yet still runs.
 * A process that was stopped may have lost its turns without knowing: it tells nothing from memory.
 */
static bool view_find(struct call *c, const struct question *q, struct view *ret)
{
    struct chatd *d = call_state(c);
    bool found = false;

    pthread_mutex_lock(&d->lock);
    for (const struct turn *t = d->turns; t && !found; t = t->next) {
        found = t->id == q->id && t->account == c->caller && !atomic_load(&t->lost) &&
                !atomic_load(&t->settled) && turn_may_tell(t) && turns_are_ours(d);
        if (found)
            view_take(c, t, q, ret);
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

static void head_write(struct text *out, const struct view *v)
{
    text_putc(out, '{');
    text_member_i64(out, "id", v->id);
    text_member_i64(out, "conversation_id", v->conversation);
    text_member_i64(out, "user_message_id", v->user_message);
    text_member_i64(out, "message_id", v->message);
    text_member_str(out, "state", "running");
    text_member_i64(out, "attempt", v->attempt);
    text_member_str(out, "model", v->model);
}

static void text_write(struct text *out, const struct view *v)
{
    text_json_name(out, "text");
    text_json(out, v->text, v->told);
}

int turn_get_prepare(struct call *c, const struct turn_get_in *in)
{
    const struct question q = {.id = in->turn_id, .most = INT64_MAX};
    struct view v;

    /* one that was cancelled may have been deleted: the database knows */
    if (!view_find(c, &q, &v) || v.cancelled || !v.sent_with)
        return DONE;
    head_write(&c->out, &v);
    text_write(&c->out, &v);
    text_puts(&c->out, ",\"usage\":null,\"error\":null");
    text_json_name(&c->out, "sent_with");
    text_puts(&c->out, v.sent_with);
    text_json_name(&c->out, "created_at");
    time_json(&c->out, v.created, strlen(v.created));
    text_puts(&c->out, ",\"finished_at\":null}");
    return DONE;
}

int turn_look_prepare(struct call *c, const struct turn_look_in *in)
{
    const struct question q = {in->turn_id, in->attempt, in->after, in->most};
    struct view v;

    if (!view_find(c, &q, &v))
        return DONE;
    head_write(&c->out, &v);
    text_puts(&c->out, ",\"position\":null");
    text_member_i64(&c->out, "from", (int64_t)v.from);
    text_write(&c->out, &v);
    text_member_i64(&c->out, "size", (int64_t)v.size);
    text_puts(&c->out, ",\"finish_reason\":null,\"usage\":null,\"error\":null,"
                       "\"finished_at\":null,\"expired\":false}");
    return DONE;
}
