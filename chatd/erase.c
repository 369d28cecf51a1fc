/* Erasing what chat keeps of a deleted project. */
#include "chatd/chatd.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define CONVERSATIONS_AT_ONCE 50 /* in one transaction */

int chat_project_close(struct call *c, const struct chat_project_close_in *in)
{
    return db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));
}

/* Nobody waits for the answers of turns that ran: their upstream calls end. */
static void erased_stop(struct call *c, void *state)
{
    struct pg_result *rows = state;

    for (int i = 0; i < rows_count(rows); i++)
        if (rows_i64(rows, i, 0))
            turn_cancel_everywhere(call_state(c), rows_i64(rows, i, 0));
    rows_drop(&rows);
}

static void erased_forget(struct call *c, void *state)
{
    struct pg_result *rows = state;

    (void)c;
    rows_drop(&rows);
}

int chat_project_erase(struct call *c, const struct chat_project_erase_in *in)
{
    struct pg_result *rows = NULL;
    int r = db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));
    bool more = false;

    if (!r)
        r = db_rows(c, Q_conversations_erase,
                    ARGS(c->caller, in->project_id, CONVERSATIONS_AT_ONCE), &rows);
    if (r)
        return r;
    c->committed = erased_stop;
    c->undone = erased_forget;
    c->settle_state = rows;
    for (int i = 0; i < rows_count(rows); i++)
        more |= rows_i64(rows, i, 1) > 0;
    text_puts(&c->out, more ? "{\"more\":true}" : "{\"more\":false}");
    return DONE;
}
