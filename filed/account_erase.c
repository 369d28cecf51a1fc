/* Erasing what a deleted account has here: files, contents, archives, copies at the provider. */
#include "common/account_ref.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "filed/archive.h"
#include "filed/filed.h"
#include "filed/files.h"
#include "filed/limits.h"
#include "filed/queries.h"
#include "filed/store.h"

#define COPIES_WAIT_MAX 300 /* s between looks at the copies, a tenth of the time waited so far */

static int do_any(struct call *c, int query, int64_t account)
{
    int r = db_do(c, query, ARGS(account));

    return r == NOT_FOUND ? DONE : r;
}

/* Nothing comes any more from here on.  By itself, as who brings a file holds its project before
 * its content, and later steps do it the other way round. */
static int close_all(struct call *c, int64_t account)
{
    int r = do_any(c, Q_account_projects_end, account);

    if (!r)
        r = do_any(c, Q_account_exports_end, account);
    return r ? r : erased_answer(c, true, 0);
}

/* A batch of contents, whatever their rows say of files; *ret_more: there may be others. */
static int blobs_erase(struct call *c, int64_t account, bool *ret_more)
{
    const struct filed *f = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, Q_account_blobs, ARGS(account, BLOBS_AT_ONCE), &rows);

    for (int i = 0; !r && i < rows_count(rows); i++) {
        const char *sha256 = rows_str(rows, i, 0);
        r = store_remove(f->store, account, sha256);
        if (!r)
            r = db_do(c, Q_account_blob_remove, ARGS(account, sha256));
    }
    *ret_more = !r && rows_count(rows) > 0;
    return r;
}

static int archives_erase(struct call *c, int64_t account)
{
    const struct filed *f = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, Q_account_exports, ARGS(account), &rows);

    for (int i = 0; !r && i < rows_count(rows); i++)
        r = archives_remove(f->store, rows_i64(rows, i, 0));
    return r;
}

static int rest_erase(struct call *c, int64_t account)
{
    const struct filed *f = call_state(c);
    int64_t done;
    bool more = false;
    int r = blobs_erase(c, account, &more);

    if (r || more)
        return r ? r : erased_answer(c, true, 0);
    r = archives_erase(c, account);
    if (!r)
        r = store_owner_remove(f->store, account);
    if (!r)
        r = db_get(c, Q_account_rest_erase, ARGS(account), INTO(&done));
    return r ? r : erased_answer(c, false, 0);
}

int file_account_erase(struct call *c, const struct file_account_erase_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    bool was_gone = false;
    int r = db_get(c, Q_account_ref_end, ARGS(in->account_id), INTO(&was_gone));

    if (r || !was_gone)
        return r ? r : close_all(c, in->account_id);
    r = db_rows(c, Q_account_files_remove, ARGS(in->account_id, FILES_ERASED_AT_ONCE), &rows);
    if (!r)
        r = files_release(c, rows);
    if (r)
        return r;
    return rows_count(rows) ? erased_answer(c, true, 0) : rest_erase(c, in->account_id);
}

int file_account_copies(struct call *c, const struct file_account_copies_in *in)
{
    bool left = true;
    int64_t waited = 0;
    int r = db_get(c, Q_account_copies_left, ARGS(in->account_id), INTO(&left, &waited));

    if (r)
        return r;
    waited = waited < 10 ? 1 : waited / 10;
    return erased_answer(c, left, waited < COPIES_WAIT_MAX ? waited : COPIES_WAIT_MAX);
}
