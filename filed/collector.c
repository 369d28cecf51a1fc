/* Removes contents that no file has. */
#include "filed/collector.h"

#include <inttypes.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/log.h"
#include "filed/filed.h"
#include "filed/limits.h"
#include "filed/queries.h"
#include "filed/store.h"

int blobs_collect(struct call *c)
{
    const struct filed *f = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, Q_blob_unused, ARGS(BLOB_UNUSED_S, BLOBS_AT_ONCE), &rows);

    store_incoming_clean(f->store, INCOMING_OLD_S);
    for (int i = 0; !r && i < rows_count(rows); i++) {
        int64_t owner = rows_i64(rows, i, 0);
        const char *sha256 = rows_str(rows, i, 1);
        r = store_remove(f->store, owner, sha256);
        if (!r)
            r = db_do(c, Q_blob_remove, ARGS(owner, sha256));
    }
    if (!r && rows_count(rows))
        log_line(LOG_LEVEL_INFO, "event=blobs_collected contents=%d", rows_count(rows));
    return r;
}
