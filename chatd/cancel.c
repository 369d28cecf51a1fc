/*
 * POST /chat/turns/{id}/cancel.  A turn that runs in this very process stops at once: what it costs
 * ends, whatever becomes of the wish.  Else the wish is committed first, then the turn's owner
 * hears of it (topic cancel; its next beat is the net).  A turn that waits ends in the same
 * transaction.
 */
#include "chatd/cancel.h"

#include <string.h>

#include "chatd/chatd.h"
#include "chatd/keeper.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

/* Columns of turn_end_queued: the shape turn, then who and where. */
enum {
    COLUMN_ID,
    COLUMN_CONVERSATION,
    COLUMN_ATTEMPT = 5,
    COLUMN_ACCOUNT = 13,
    COLUMN_PROJECT,
    COLUMN_RESPONSE,
};

void queued_end_tell(struct chatd *d, const struct pg_result *row)
{
    cleanup(text_drop) struct text json = {0};
    struct turn_told told = {.id = rows_i64(row, 0, COLUMN_ID),
                             .account = rows_i64(row, 0, COLUMN_ACCOUNT),
                             .project = rows_i64(row, 0, COLUMN_PROJECT),
                             .conversation = rows_i64(row, 0, COLUMN_CONVERSATION)};

    if (d->upstream && !rows_null(row, 0, COLUMN_RESPONSE))
        upstream_cancel_response(d->upstream, rows_str(row, 0, COLUMN_RESPONSE));
    row_json(&json, api_op(OP_turn_get)->out, row, 0);
    turn_tell(d, &told, "cancelled");
    turn_publish_end(d, told.id, rows_i64(row, 0, COLUMN_ATTEMPT), "", json.data, json.size);
    keeper_wake(d->keeper); /* what waited behind it may run */
}

/* What apply leaves for after COMMIT. */
struct cancelled {
    int64_t turn;          /* that runs somewhere */
    struct pg_result *row; /* of turn_end_queued */
};

static void cancelled_tell(struct call *c, void *state)
{
    struct cancelled *x = state;

    if (x->row)
        queued_end_tell(call_state(c), x->row);
    else if (x->turn)
        turn_cancel_everywhere(call_state(c), x->turn);
    rows_drop(&x->row);
}

static void cancelled_forget(struct call *c, void *state)
{
    struct cancelled *x = state;

    (void)c;
    rows_drop(&x->row);
}

int turn_cancel(struct call *c, const struct turn_cancel_in *in)
{
    struct cancelled *x = arena_alloc(&c->arena, sizeof *x);
    const char *turn_state = "";
    bool stopped = turn_cancel_own(call_state(c), in->turn_id, c->caller);
    int r = db_get(c, Q_turn_lock, ARGS(c->caller, in->turn_id), INTO(&turn_state));

    if (r)
        return r;
    c->committed = cancelled_tell;
    c->undone = cancelled_forget;
    c->settle_state = x;
    if (strcmp(turn_state, "queued") == 0) {
        r = db_rows(c, Q_turn_end_queued, ARGS(in->turn_id), &x->row);
    } else if (strcmp(turn_state, "running") == 0) {
        x->turn = in->turn_id;
        r = db_do(c, Q_turn_ask_cancel, ARGS(in->turn_id));
    } else if (!stopped) {
        c->http = 200; /* it had ended */
    }
    return r ? r : db_one(c, Q_turn_get, ARGS(c->caller, in->turn_id));
}
