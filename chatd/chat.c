/* POST /chat: a message is accepted once and for all, and its turn begins. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/budget.h"
#include "chatd/chat.h"
#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/conversation_tell.h"
#include "chatd/files.h"
#include "chatd/keeper.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "common/account_ref.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/events.h"
#include "common/log.h"
#include "common/service.h"

#define START_US 3000000 /* for filed to tell of files: the worker is wanted for others */

/* Where the message goes: behind which answer, at which depth. */
struct position {
    int64_t conversation, parent, depth;
    bool parent_open; /* the answer above is not finished */
};

int chat_create_prepare(struct call *c, const struct chat_create_in *in)
{
    struct chatd *d = call_state(c);
    struct context *context = arena_alloc(&c->arena, sizeof *context);
    struct chat_prepared *p = arena_alloc(&c->arena, sizeof *p);
    int r = context_get(d->contexts, c, in->project_id, context);

    if (r == NOT_FOUND)
        return refuse(c, NOT_FOUND, "project_id", "no such project, or not yours");
    if (r)
        return r;
    if (!d->upstream)
        return MODEL_NOT_CONFIGURED;
    *p = (struct chat_prepared){context, model_question(in->message, strlen(in->message))};
    c->prepared = p;
    return files_attach(c, in->project_id, &in->file_ids, &p->message);
}

/* Locks the conversation and finds the message to go on from. */
static int place_find(struct call *c, const struct chat_create_in *in, struct position *ret)
{
    const char *role = "", *status = "";
    int r;

    *ret = (struct position){0};
    if (!in->conversation_id)
        return in->parent_id ? refuse(c, BAD_INPUT, "parent_id",
                                      "parent_id needs the conversation_id it belongs to")
                             : DONE;
    r = db_get(c, Q_conversation_lock, ARGS(c->caller, in->conversation_id, in->project_id),
               INTO(&ret->parent));
    if (r == NOT_FOUND)
        return refuse(c, NOT_FOUND, "conversation_id", "no such conversation in this project");
    if (r)
        return r;
    ret->conversation = in->conversation_id;
    if (in->has_parent_id)
        ret->parent = in->parent_id; /* null: before the first message */
    if (!ret->parent)
        return DONE;
    r = db_get(c, Q_parent_get, ARGS(c->caller, ret->parent, ret->conversation),
               INTO(&role, &status, &ret->depth));
    if (r == NOT_FOUND)
        return refuse(c, NOT_FOUND, "parent_id", "no such message in this conversation");
    if (!r && in->parent_id && strcmp(role, "assistant") != 0)
        return refuse(c, BAD_INPUT, "parent_id", "parent_id must be an answer");
    ret->depth++;
    ret->parent_open = strcmp(status, "pending") == 0;
    return r;
}

static int queue_full(struct call *c)
{
    c->retry_after = 5;
    return QUEUE_FULL;
}

static int64_t queue_max(struct call *c)
{
    const struct chatd *d = call_state(c);

    return conf_i64(d->conf, SET_QUEUE_MAX);
}

/* Spares the work where the queue is full; chat_accepted() is who decides. */
static int queue_check(struct call *c, bool may_run)
{
    bool full = false;
    int r = may_run ? DONE : db_get(c, Q_queue_full, ARGS(queue_max(c)), INTO(&full));

    return r || !full ? r : queue_full(c);
}

static void accepted_start(struct call *c, void *state)
{
    struct accepted *a = state;
    struct chatd *d = call_state(c);
    struct turn_told told = {a->order.id, a->order.account, a->order.project,
                             a->order.conversation};
    struct turn *t = a->running ? turn_new(d, &a->order) : NULL;

    turn_tell(d, &told, t ? "running" : "queued");
    if (t) {
        /* a call of its own: who asked has the answer, and waits for the turn */
        c->trace = a->order.trace;
        log_trace(c->trace);
        c->address = "";
        c->deadline_us = clock_us() + START_US;
        turn_start(t, c, &a->order);
        log_trace(NULL);
        return;
    }
    if (a->slot)
        slot_give(d);
    daemon_publish(c->daemon, &(struct event){.topic = "queue", .what = EVENT_CHANGED});
    keeper_wake(d->keeper);
}

static void accepted_undo(struct call *c, void *state)
{
    struct accepted *a = state;

    if (a->slot)
        slot_give(call_state(c));
}

static void chat_reply(struct call *c, const struct accepted *a)
{
    c->turn_id = a->order.id;
    text_printf(&c->out,
                "{\"turn_id\":%" PRId64 ",\"conversation_id\":%" PRId64 ",\"message_id\":%" PRId64
                ",\"user_message_id\":%" PRId64,
                a->order.id, a->order.conversation, a->order.answer, a->order.user_message);
    text_member_str(&c->out, "model", a->order.model);
    text_puts(&c->out, a->running ? ",\"running\":true}" : ",\"running\":false}");
}

static int turn_insert(struct call *c, const struct chat_create_in *in,
                       const struct position *place, int64_t reserved, struct accepted *a)
{
    struct chatd *d = call_state(c);
    const struct chat_prepared *p = c->prepared;

    return db_get(c, Q_turn_accept,
                  ARGS(c->caller, arg_i64_if(place->conversation != 0, place->conversation),
                       in->project_id, arg_i64_if(place->parent != 0, place->parent), place->depth,
                       in->message, a->order.model, a->slot && !place->parent_open,
                       daemon_instance(c->daemon), conf_i64(d->conf, SET_MAX_TURNS_PER_USER),
                       p->context->sent_with, reserved, ids_array(&c->arena, &in->file_ids),
                       c->trace),
                  INTO(&a->order.id, &a->order.conversation, &a->order.user_message,
                       &a->order.answer, &a->running, &a->order.created));
}

/* The first message in a project makes the project known here. */
static int turn_accept(struct call *c, const struct chat_create_in *in,
                       const struct position *place, int64_t reserved, struct accepted *a)
{
    int r = turn_insert(c, in, place, reserved, a);

    if (r == NOT_FOUND) {
        r = ACCOUNT_HOLD(c);
        if (!r)
            r = db_do(c, Q_project_ref_add, ARGS(c->caller, in->project_id));
        if (!r || r == NOT_FOUND) /* another first message was faster */
            r = turn_insert(c, in, place, reserved, a);
    }
    if (!r && !place->conversation)
        conversation_tell(
            c, &(struct conversation_told){a->order.conversation, c->caller, in->project_id},
            CONVERSATION_CREATED);
    return r == NOT_FOUND ? refuse(c, NOT_FOUND, "project_id", "no such project, or not yours") : r;
}

int chat_accept(struct call *c, struct accepted *a, bool may_run, int64_t *ret_reserved)
{
    struct chatd *d = call_state(c);
    const struct chat_prepared *p = c->prepared;
    int r;

    a->order.account = c->caller;
    a->order.fence = a->order.attempt = 1;
    a->order.model = p->context->model ? p->context->model : conf_str(d->conf, SET_OPENAI_MODEL);
    a->order.message = p->message;
    a->order.context = p->context;
    a->order.trace = arena_strndup(&c->arena, c->trace, strlen(c->trace));
    a->slot = may_run && slot_take(d, &a->order.term);
    c->committed = accepted_start;
    c->undone = accepted_undo;
    c->settle_state = a;
    r = queue_check(c, a->slot);
    return r ? r
             : budget_reserve(c, d->conf, p->context, model_message_tokens(&p->message),
                              ret_reserved);
}

int chat_accepted(struct call *c, const struct accepted *a)
{
    bool holds = true;
    int r = a->running ? DONE : db_get(c, Q_queue_holds, ARGS(queue_max(c)), INTO(&holds));

    if (r)
        return r;
    if (!holds)
        return queue_full(c);
    chat_reply(c, a);
    return DONE;
}

int chat_create(struct call *c, const struct chat_create_in *in)
{
    struct accepted *a = arena_alloc(&c->arena, sizeof *a);
    struct position place;
    int64_t reserved = 0;
    int r = place_find(c, in, &place);

    if (r)
        return r;
    a->order.project = in->project_id;
    a->order.parent = place.parent;
    r = chat_accept(c, a, !place.parent_open, &reserved);
    if (!r)
        r = turn_accept(c, in, &place, reserved, a);
    return r ? r : chat_accepted(c, a);
}
