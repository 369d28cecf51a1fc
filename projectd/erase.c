/* Erasing a deleted account's projects. */
#include "common/account_ref.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "projectd/changed.h"
#include "projectd/limits.h"
#include "projectd/queries.h"

int project_account_erase(struct call *c, const struct project_account_erase_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    bool was_gone;
    int r = db_get(c, Q_account_ref_end, ARGS(in->account_id), INTO(&was_gone));

    if (!r)
        r = db_rows(c, Q_account_projects_remove, ARGS(in->account_id, PROJECTS_ERASED_AT_ONCE),
                    &rows);
    if (r)
        return r;
    for (int i = 0; i < rows_count(rows); i++)
        project_changed(c, rows_i64(rows, i, 0));
    if (rows_count(rows) >= PROJECTS_ERASED_AT_ONCE)
        return erased_answer(c, true, 0);
    r = db_do(c, Q_account_repeats_forget, ARGS(in->account_id));
    return r && r != NOT_FOUND ? r : erased_answer(c, false, 0);
}
