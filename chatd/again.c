/*
 * Answers once more: regenerate, continue, and what people think of answers.
 *
 * Regenerating makes a new answer beside the old one.  Continuing makes an answer below the one
 * that was cut off: both texts stay what they are, so that a turn's text is its own, also when
 * another process has to begin it anew.  The model is sent the branch with the cut-off answer at
 * its end and chat_go_on() behind it, in both dialects: not every provider goes on by itself with
 * an answer that stands last.
 */
#include <string.h>

#include "chatd/chat.h"
#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/files.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/service.h"

/* A message, where it is, and where the new answer goes. */
struct again {
    struct chat_prepared chat; /* what chat_accept() looks for */
    int64_t project, conversation;
    const char *status;
    bool is_answer, has_text;
    int64_t parent, depth; /* of the message */
    int64_t below, at;     /* of the new answer: its parent, its depth */
    bool continues;
    int64_t question, before; /* what was asked; the message above that, 0: none */
    struct ids files;
};

struct model_message chat_go_on(void)
{
    static const char text[] =
        "Your last message was cut off. Go on exactly where it stopped, in the middle "
        "of the word if need be. Repeat nothing of it, and say nothing about "
        "the interruption.";

    return model_question(text, sizeof text - 1);
}

static int message_find(struct call *c, int64_t id, struct again *ret)
{
    return db_get(c, Q_message_place, ARGS(c->caller, id),
                  INTO(&ret->project, &ret->conversation, &ret->is_answer, &ret->status,
                       &ret->parent, &ret->depth, &ret->has_text));
}

static int question_find(struct call *c, struct again *a)
{
    cleanup(rows_drop) struct pg_result *row = NULL;
    int r = db_rows(c, Q_question_above, ARGS(c->caller, a->below), &row);
    const char *text;

    if (r)
        return r;
    if (rows_count(row) == 0)
        return refuse(c, CONFLICT, NULL, "it answers no message");
    text = rows_str(row, 0, 2);
    a->question = rows_i64(row, 0, 0);
    a->before = rows_i64(row, 0, 1);
    rows_ids(row, 0, 3, &a->files);
    a->continues = a->below != a->question;
    if (a->continues) {
        a->chat.message = chat_go_on();
        return DONE;
    }
    a->chat.message = model_question(arena_strndup(&c->arena, text, strlen(text)), strlen(text));
    a->chat.message.files = files_new(&c->arena, &a->files);
    a->chat.message.file_count = a->files.count;
    return DONE;
}

/* Everything but what only the transaction can know; below and at are set. */
static int prepare(struct call *c, struct again *a)
{
    struct chatd *d = call_state(c);
    struct context *context = arena_alloc(&c->arena, sizeof *context);
    int r = question_find(c, a);

    if (!r)
        r = context_get(d->contexts, c, a->project, context);
    if (!r && !d->upstream)
        return MODEL_NOT_CONFIGURED;
    a->chat.context = context;
    c->prepared = a;
    return r;
}

static int apply(struct call *c)
{
    const struct again *a = c->prepared;
    struct chatd *d = call_state(c);
    struct accepted *accepted = arena_alloc(&c->arena, sizeof *accepted);
    int64_t ignored, reserved = 0;
    bool open = false, before_open = false;
    int r = db_get(c, Q_conversation_lock, ARGS(c->caller, a->conversation, a->project),
                   INTO(&ignored));

    if (!r)
        r = db_get(c, Q_answer_open, ARGS(c->caller, a->below, a->before),
                   INTO(&open, &before_open));
    if (r || open)
        return r ? r : TURN_RUNNING;
    accepted->order.project = a->project;
    accepted->order.conversation = a->conversation;
    accepted->order.user_message = a->question;
    accepted->order.parent = a->continues ? a->below : a->before;
    accepted->order.continues = a->continues;
    r = chat_accept(c, accepted, !before_open, &reserved);
    if (r)
        return r;
    r = db_get(c, Q_turn_accept_again,
               ARGS(c->caller, a->conversation, a->project, a->below, a->at, a->question,
                    accepted->order.model, accepted->slot, daemon_instance(c->daemon),
                    conf_i64(d->conf, SET_MAX_TURNS_PER_USER), a->chat.context->sent_with, reserved,
                    ids_array(&c->arena, &a->files), c->trace),
               INTO(&accepted->order.id, &accepted->order.answer, &accepted->running,
                    &accepted->order.created));
    return r ? r : chat_accepted(c, accepted);
}

/* ---- regenerate ---- */

int message_regenerate_prepare(struct call *c, const struct message_regenerate_in *in)
{
    struct again *a = arena_alloc(&c->arena, sizeof *a);
    int r = message_find(c, in->message_id, a);

    if (r)
        return r;
    if (strcmp(a->status, "pending") == 0)
        return TURN_RUNNING;
    a->below = a->is_answer ? a->parent : in->message_id;
    a->at = a->is_answer ? a->depth : a->depth + 1;
    return prepare(c, a);
}

int message_regenerate(struct call *c, const struct message_regenerate_in *in)
{
    (void)in;
    return apply(c);
}

/* ---- continue ---- */

int message_continue_prepare(struct call *c, const struct message_continue_in *in)
{
    struct again *a = arena_alloc(&c->arena, sizeof *a);
    int r = message_find(c, in->message_id, a);

    if (r)
        return r;
    if (strcmp(a->status, "pending") == 0)
        return TURN_RUNNING;
    if (!a->is_answer || strcmp(a->status, "complete") == 0)
        return refuse(c, CONFLICT, NULL, "only an answer that was cut off can be continued");
    if (!a->has_text)
        return refuse(c, CONFLICT, NULL, "the answer has no text to go on with: regenerate it");
    a->below = in->message_id;
    a->at = a->depth + 1;
    return prepare(c, a);
}

int message_continue(struct call *c, const struct message_continue_in *in)
{
    (void)in;
    return apply(c);
}

/* ---- feedback ---- */

int message_feedback(struct call *c, const struct message_feedback_in *in)
{
    return db_one(c, Q_message_rate,
                  ARGS(c->caller, in->message_id, in->rating, in->has_note, in->note));
}
