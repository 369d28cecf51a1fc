/* Turns that run here, told from memory: the newest text there is. */
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/turn.h"
#include "chatd/turn_view.h"
#include "common/call.h"

/* A copy of a running turn; strings belong to the call. */
struct look {
    struct turn_view turn; /* its text: what lies behind `from` bytes */
    bool cancelled;
    size_t from, size; /* size: bytes of the whole text */
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

static void look_take(struct call *c, const struct turn *t, const struct question *q,
                      struct look *ret)
{
    size_t from = text_start(t, q), stop = text_stop(t, q, from);
    struct turn_view *v = &ret->turn;

    *ret = (struct look){turn_view_of(t), t->cancel, from, t->answer.size};
    v->model = arena_strndup(&c->arena, v->model, strlen(v->model));
    v->created = arena_strndup(&c->arena, v->created, strlen(v->created));
    if (v->sent_with)
        v->sent_with = arena_strndup(&c->arena, v->sent_with, t->sent_with.size);
    v->text = arena_strndup(&c->arena, v->text + from, stop - from);
    v->text_size = stop - from;
}

/*
 * The caller's turn, if it runs here beyond doubt.  One whose end is not written yet still runs.
 * A process that was stopped may have lost its turns without knowing: it tells nothing from memory.
 */
static bool look_find(struct call *c, const struct question *q, struct look *ret)
{
    struct chatd *d = call_state(c);
    bool found = false;

    pthread_mutex_lock(&d->lock);
    for (const struct turn *t = d->turns; t && !found; t = t->next) {
        found = t->id == q->id && t->account == c->caller && !atomic_load(&t->lost) &&
                !atomic_load(&t->settled) && turn_may_tell(t) && turns_are_ours(d);
        if (found)
            look_take(c, t, q, ret);
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

int turn_get_prepare(struct call *c, const struct turn_get_in *in)
{
    const struct question q = {.id = in->turn_id, .most = INT64_MAX};
    struct look l;

    /* one that was cancelled may have been deleted: the database knows */
    if (look_find(c, &q, &l) && !l.cancelled && l.turn.sent_with)
        turn_view_json(&c->out, &l.turn);
    return DONE;
}

int turn_look_prepare(struct call *c, const struct turn_look_in *in)
{
    const struct question q = {in->turn_id, in->attempt, in->after, in->most};
    struct look l;

    if (!look_find(c, &q, &l))
        return DONE;
    turn_view_head(&c->out, &l.turn);
    text_puts(&c->out, ",\"position\":null");
    text_member_i64(&c->out, "from", (int64_t)l.from);
    text_json_name(&c->out, "text");
    text_json(&c->out, l.turn.text, l.turn.text_size);
    text_member_i64(&c->out, "size", (int64_t)l.size);
    text_puts(&c->out, ",\"finish_reason\":null,\"usage\":null,\"error\":null,"
                       "\"finished_at\":null,\"expired\":false}");
    return DONE;
}
