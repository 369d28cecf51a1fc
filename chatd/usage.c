/* GET /projects/{id}/usage: turns and tokens per day. */
#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define DAYS 30 /* when no number is asked for */

int usage_list(struct call *c, const struct usage_list_in *in)
{
    const struct chatd *d = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    struct context context;
    int r = context_get(d->contexts, c, in->project_id, &context);

    if (!r)
        r = db_rows(c, Q_usage_days,
                    ARGS(c->caller, in->project_id, in->has_days ? in->days : (int64_t)DAYS),
                    &rows);
    if (!r)
        rows_json(&c->out, c->op->out, rows, rows_count(rows));
    return r;
}
