/* Blocking chat: a turn is started, and its answer waited for. */
#include "gateway/chat.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/json.h"
#include "gateway/call.h"
#include "gateway/stream/turn_feed.h"
#include "gateway/turn_ask.h"
#include "gateway/turn_watch.h"

#define STOP_LOOK_US 500000 /* how often a waiting thread looks whether the gateway stops */

static bool has_ended(struct json_object *turn)
{
    return turn_state_ended(json_str(turn, "state", ""));
}

/* Asks for the turn.  DONE with *ret_turn NULL while it runs, or when nobody can say now. */
static int end_ask(struct exchange *x, uint64_t id, struct json_object **ret_turn)
{
    cleanup(json_drop) struct json_object *turn = NULL;
    int r = turn_ask(x, (int64_t)id, 0, 0, UINT32_MAX, &turn);

    if (r == NOT_FOUND)
        return r;
    if (r == DONE && has_ended(turn))
        *ret_turn = TAKE(turn);
    return DONE;
}

/* The turn in an EVENT_ENDED's data, or NULL. */
static struct json_object *turn_of(const struct text *ended)
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *turn;
    const char *why;

    if (!ended->size || json_parse(ended->data, ended->size, &o, &why) != DONE)
        return NULL;
    turn = json_member(o, "turn");
    return turn && has_ended(turn) ? json_object_get(turn) : NULL;
}

/* Waits until the turn has ended.  DONE with *ret_turn, TURN_WAIT, or NOT_FOUND. */
static int turn_await(struct exchange *x, struct turn_watch *w, uint64_t id, bool ask,
                      struct json_object **ret_turn)
{
    const int64_t end = x->request->started_us + x->gateway->chat_wait_ms * 1000;
    int r = DONE;

    for (;;) {
        int64_t now, until;
        if (ask && ((r = end_ask(x, id, ret_turn)) != DONE || *ret_turn))
            return r;
        if (ask)
            turn_watch_asked(w);
        now = clock_us();
        if (now >= end || atomic_load(&x->gateway->stopping))
            return TURN_WAIT;
        until = now + STOP_LOOK_US < end ? now + STOP_LOOK_US : end;
        switch (turn_watch_wait(w, until)) {
        case TURN_ENDED:
            if ((*ret_turn = turn_of(&w->ended)) != NULL)
                return DONE;
            ask = true;
            break;
        case TURN_MOVED:
        case TURN_CALLED:
        case TURN_SILENT:
            ask = true;
            break;
        case TURN_NOTHING:
            ask = false;
        }
    }
}

static void member_json(struct text *t, const char *name, struct json_object *v)
{
    text_json_name(t, name);
    text_puts(t, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN |
                                                       JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int turn_reply(struct exchange *x, struct json_object *turn)
{
    const char *state = json_str(turn, "state", "");
    struct json_object *error = json_member(turn, "error"), *said = json_member(turn, "text");
    struct text *t = &x->reply->text;
    int status;

    if (strcmp(state, "cancelled") == 0)
        return TURN_CANCELLED;
    if (strcmp(state, "failed") == 0) {
        status = api_status_coded(json_str(error, "code", "internal"));
        return problem(x, status > 0 ? status : INTERNAL, NULL, json_str(error, "detail", NULL));
    }
    text_putc(t, '{');
    text_json_name(t, "reply");
    text_json(t, said ? json_object_get_string(said) : "",
              said ? (size_t)json_object_get_string_len(said) : 0);
    text_member_i64(t, "conversation_id", json_i64(turn, "conversation_id", 0));
    text_member_i64(t, "turn_id", json_i64(turn, "id", 0));
    text_member_i64(t, "message_id", json_i64(turn, "message_id", 0));
    member_json(t, "usage", json_member(turn, "usage"));
    text_putc(t, '}');
    json_reply(x, x->op->ok);
    return DONE;
}

/* The operation's answer names a turn; ours is the turn's. */
static int turn_answer(struct exchange *x, struct turn_watch *w, const struct bus_reply *reply)
{
    cleanup(json_drop) struct json_object *turn = NULL;
    int r;

    if (!reply->turn_id)
        return FAULT("%s answered without a turn", x->op->name);
    x->problem.turn_id = reply->turn_id;
    /* An idempotent repeat may be of a turn that ended long ago, and tells nothing any more. */
    r = turn_await(x, w, reply->turn_id, reply->replayed, &turn);
    if (r != DONE)
        return r;
    call_headers(x, reply);
    return turn_reply(x, turn);
}

int chat_step(struct exchange *x)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    struct bus_request request = call_request(x);
    struct turn_watch watch;
    int r;

    turn_watch_init(&watch);
    request.on_turn = turn_watch_event;
    request.on_turn_state = &watch;
    broker_call(x->gateway->broker, &request, &reply);
    r = reply.status == DONE ? turn_answer(x, &watch, &reply) : call_refused(x, &reply);
    broker_unfollow(x->gateway->broker, &reply.follower);
    turn_watch_drop(&watch);
    return r;
}
