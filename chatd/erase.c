/* Erasing: a deleted project's conversations, and what deleted conversations leave behind. */
#include "chatd/erase.h"

#include "chatd/chatd.h"
#include "chatd/conversations.h"
#include "chatd/queries.h"
#include "common/account_ref.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"

#define CONVERSATIONS_AT_ONCE 50   /* in one transaction */
#define ROWS_AT_ONCE          1000 /* messages, and turns, in one statement */
#define EXPIRED_AT_ONCE       500  /* conversations */
#define BATCHES               5    /* in one transaction */

int chat_project_close(struct call *c, const struct chat_project_close_in *in)
{
    return db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));
}

int chat_project_erase(struct call *c, const struct chat_project_erase_in *in)
{
    struct pg_result *rows = NULL;
    int r = db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));

    if (!r)
        r = db_rows(c, Q_conversations_remove,
                    ARGS(c->caller, in->project_id, CONVERSATIONS_AT_ONCE), &rows);
    if (r)
        return r;
    return erased_answer(c, conversations_removed(c, rows) > 0, 0);
}

/* Deletes one batch; *ret_more: there may be another one. */
static int batch_erase(struct call *c, int query, int64_t conversation, bool *ret_more)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, query, ARGS(conversation, ROWS_AT_ONCE), &rows);

    if (!r)
        *ret_more |= rows_affected(rows) >= ROWS_AT_ONCE;
    return r;
}

/* It may be imported again, as what it was the first time. */
static int import_forget(struct call *c, int64_t conversation)
{
    int r = db_do(c, Q_import_forget, ARGS(conversation));

    return r == NOT_FOUND ? DONE : r;
}

int conversations_erase(struct call *c)
{
    for (int i = 0; i < BATCHES; i++) {
        int64_t conversation = 0;
        bool more = false;
        int r = db_get(c, Q_erasure_take, NO_ARGS, INTO(&conversation));
        if (r)
            return r == NOT_FOUND ? DONE : r;
        r = batch_erase(c, Q_messages_erase, conversation, &more);
        if (!r)
            r = batch_erase(c, Q_turns_erase, conversation, &more);
        if (!r)
            r = batch_erase(c, Q_search_erase, conversation, &more);
        if (!r)
            r = import_forget(c, conversation);
        if (!r && !more)
            r = db_do(c, Q_erasure_done, ARGS(conversation));
        if (r)
            return r;
    }
    return DONE;
}

int conversations_expire(struct call *c)
{
    const struct chatd *d = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int64_t days = conf_i64(d->conf, SET_RETENTION_DAYS);
    int r = days ? db_rows(c, Q_conversations_expire, ARGS(days, EXPIRED_AT_ONCE), &rows) : DONE;

    if (!r)
        conversations_removed_tell(c, rows);
    return r;
}
