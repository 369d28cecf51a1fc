/* Claims queued turns and starts them. */
#include "chatd/claim.h"

#include <string.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/service.h"

#define TAKEOVERS_MAX 20       /* of one turn; then it fails as interrupted */
#define CONTEXT_US    10000000 /* for projectd to tell the project's context */

/* The call that stands for the turn's owner while its turn is prepared. */
static struct call call_for(struct chatd *d, struct db *db, int64_t account)
{
    return (struct call){.daemon = d->daemon,
                         .db = db,
                         .caller = account,
                         .trace = "claim",
                         .address = "",
                         .deadline_us = clock_us() + CONTEXT_US};
}

static void claimed_start(struct chatd *d, struct db *db, const struct pg_result *row)
{
    struct context context = {0};
    struct turn_order o = {
        .id = rows_i64(row, 0, 0),
        .account = rows_i64(row, 0, 1),
        .user_message = rows_i64(row, 0, 4),
        .fence = rows_i64(row, 0, 6),
        .attempt = rows_i64(row, 0, 7),
        .model = rows_str(row, 0, 10),
        .message = rows_str(row, 0, 11),
        .parent = rows_null(row, 0, 12) ? 0 : rows_i64(row, 0, 12),
        .context = &context,
    };
    struct call c = call_for(d, db, o.account);
    int r;

    if (rows_bool(row, 0, 9)) {
        turn_end_unsent(d, &o, DONE);
    } else if (rows_i64(row, 0, 8) > TAKEOVERS_MAX) {
        turn_end_unsent(d, &o, INTERRUPTED);
    } else {
        r = context_get(d->contexts, &c, rows_i64(row, 0, 2), &context);
        if (r)
            turn_end_unsent(d, &o, r == NOT_FOUND ? NOT_FOUND : INTERRUPTED);
        else
            turn_start(d, &c, &o);
    }
    text_drop(&c.out);
    arena_drop(&c.arena);
}

/* Claims one turn.  False: nothing to do, or no slot. */
static bool claim_one(struct chatd *d, struct db *db)
{
    cleanup(rows_drop) struct pg_result *row = NULL;

    if (!slot_take(d))
        return false;
    if (db_run(db, Q_turn_claim,
               ARGS(daemon_instance(d->daemon), conf_i64(d->conf, SET_MAX_TURNS_PER_USER)), &row) ||
        rows_count(row) == 0) {
        slot_give(d);
        return false;
    }
    claimed_start(d, db, row);
    return true;
}

void claim_all(struct chatd *d, struct db *db)
{
    while (claim_one(d, db))
        ;
}
