/* Erasing what a deleted account has here: its turns stop, its conversations go, then the rest. */
#include "chatd/conversations.h"
#include "chatd/queries.h"
#include "common/account_ref.h"
#include "common/call.h"
#include "common/db.h"

#define CONVERSATIONS_AT_ONCE 50 /* in one transaction */
#define WAIT_S                1  /* for turns to end, and for conversations_erase() */

/* Nothing is accepted any more from here on.  By itself, as who accepts a message holds its
 * conversation before its project, and the next step does it the other way round. */
static int close_all(struct call *c, int64_t account)
{
    struct pg_result *turns = NULL;
    int r = db_do(c, Q_account_projects_end, ARGS(account));

    if (!r || r == NOT_FOUND)
        r = db_rows(c, Q_account_turns_stop, ARGS(account), &turns);
    if (r)
        return r;
    conversations_removed(c, turns);
    return erased_answer(c, true, 0);
}

/* Messages go by conversations_erase(), once no turn needs them. */
static int rest_erase(struct call *c, int64_t account)
{
    bool left = true;
    int64_t done;
    int r = db_get(c, Q_account_is_left, ARGS(account), INTO(&left));

    if (r || left)
        return r ? r : erased_answer(c, true, WAIT_S);
    r = db_get(c, Q_account_rest_erase, ARGS(account), INTO(&done));
    return r ? r : erased_answer(c, false, 0);
}

int chat_account_erase(struct call *c, const struct chat_account_erase_in *in)
{
    struct pg_result *rows = NULL;
    bool was_gone = false;
    int r = db_get(c, Q_account_ref_end, ARGS(in->account_id), INTO(&was_gone));

    if (r || !was_gone)
        return r ? r : close_all(c, in->account_id);
    r = db_rows(c, Q_account_conversations_remove, ARGS(in->account_id, CONVERSATIONS_AT_ONCE),
                &rows);
    if (r)
        return r;
    return conversations_removed(c, rows) ? erased_answer(c, true, 0)
                                          : rest_erase(c, in->account_id);
}
