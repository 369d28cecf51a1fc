/* file_list, file_delete, file_content, and what is left when a project goes. */
#include "filed/files.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/account_ref.h"
#include "common/audit_owed.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/fault.h"
#include "filed/content.h"
#include "filed/copies.h"
#include "filed/filed.h"
#include "filed/limits.h"
#include "filed/queries.h"
#include "filed/store.h"

/* ---- reading ---- */

int file_list(struct call *c, const struct file_list_in *in)
{
    const struct filed *f = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int64_t limit = in->has_limit ? in->limit : LIST_LIMIT;
    int r = f->access(c, in->project_id), n;

    if (!r)
        r = db_rows(c, Q_file_page,
                    ARGS(c->caller, in->project_id, in->has_after ? in->after : INT64_C(0), limit),
                    &rows);
    if (r)
        return r;
    n = rows_count(rows);
    rows_json(&c->out, c->op->out, rows, n);
    if (n >= limit)
        snprintf(c->next, sizeof c->next, "%" PRId64, rows_i64(rows, n - 1, 0));
    return DONE;
}

struct found {
    int64_t owner, bytes;
    const char *filename, *mime, *sha256;
};

int file_content(struct call *c, const struct file_content_in *in)
{
    const struct filed *state = call_state(c);
    cleanup(fd_drop) int fd = -1;
    struct found f;
    int r = db_get(c, Q_file_find, ARGS(c->caller, in->file_id),
                   INTO(&f.owner, &f.filename, &f.mime, &f.sha256, &f.bytes));

    if (r)
        return r;
    r = store_read(state->store, f.owner, f.sha256, &fd);
    if (r == NOT_FOUND)
        return FAULT("file %" PRId64 " has no content", in->file_id);
    if (r)
        return r;
    return content_send(c, fd,
                        &(struct content){.type = f.mime,
                                          .filename = f.filename,
                                          .sha256 = f.sha256,
                                          .bytes = f.bytes,
                                          .range = in->range,
                                          .if_range = in->if_range});
}

/* ---- removing ---- */

static void wake(struct call *c, void *state)
{
    const struct filed *f = call_state(c);

    (void)state;
    copies_wake(f->copies);
}

int files_release(struct call *c, const struct pg_result *rows)
{
    int r = DONE;

    for (int i = 0; i < rows_count(rows) && !r; i++) {
        int64_t id = rows_i64(rows, i, 0), owner = rows_i64(rows, i, 1);
        r = db_do(c, Q_storage_give, ARGS(owner, rows_i64(rows, i, 3)));
        if (!r)
            r = db_do(c, Q_blob_give, ARGS(owner, rows_str(rows, i, 2)));
        if (r == NOT_FOUND)
            return FAULT("file %" PRId64 " had no storage or no content", id);
        if (!r)
            r = db_do(c, Q_copy_unsent_remove, ARGS(id));
        if (!r || r == NOT_FOUND)
            r = db_do(c, Q_copy_delete, ARGS(id, owner));
        if (r == NOT_FOUND)
            r = DONE;
    }
    c->committed = wake;
    return r;
}

int file_delete(struct call *c, const struct file_delete_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, Q_file_remove, ARGS(c->caller, in->file_id), &rows);

    if (r)
        return r;
    r = rows_count(rows) ? files_release(c, rows) : NOT_FOUND;
    return r ? r : audit_owed(c, "file_deleted", "file", in->file_id);
}

int file_project_close(struct call *c, const struct file_project_close_in *in)
{
    return db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));
}

int file_project_erase(struct call *c, const struct file_project_erase_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_do(c, Q_project_ref_end, ARGS(c->caller, in->project_id));

    if (!r)
        r = db_rows(c, Q_files_remove, ARGS(in->project_id, FILES_ERASED_AT_ONCE), &rows);
    if (!r)
        r = files_release(c, rows);
    if (r)
        return r;
    return erased_answer(c, rows_count(rows) > 0, 0);
}
