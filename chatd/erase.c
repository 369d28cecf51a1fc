/* Erasing what chat keeps of a deleted project. */
#include "chatd/queries.h"
#include "common/call.h"
#include "common/db.h"

#define CONVERSATIONS_AT_ONCE 50 /* in one transaction */

int chat_project_close(struct call *c, const struct chat_project_close_in *in)
{
    return db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));
}

int chat_project_erase(struct call *c, const struct chat_project_erase_in *in)
{
    int r = db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));

    if (!r)
        r = db_do(c, Q_conversations_erase, ARGS(c->caller, in->project_id, CONVERSATIONS_AT_ONCE));
    if (r && r != NOT_FOUND)
        return r;
    text_puts(&c->out, r == NOT_FOUND ? "{\"more\":false}" : "{\"more\":true}");
    return DONE;
}
