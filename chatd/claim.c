/* Claims queued turns and starts them. */
#include "chatd/claim.h"

#include <inttypes.h>
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
#include "common/log.h"
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

/* Back into the queue, as if it had not been claimed: projectd is away, which is no end for a turn.
 */
static void claimed_return(struct chatd *d, struct db *db, struct turn *t)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(db, Q_turn_unclaim, ARGS(t->id, t->fence, daemon_instance(d->daemon)), &rows) == 0)
        log_line(LOG_LEVEL_NOTICE, "event=unclaim turn=%" PRId64, t->id);
    turn_drop(t);
}

static bool is_away(int r)
{
    return r == UNAVAILABLE || r == TOO_LATE || r == BUSY;
}

/* False when it had to go back. */
static bool claimed_start(struct chatd *d, struct db *db, const struct pg_result *row)
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
    struct turn *t = turn_new(d, &o); /* before projectd is asked: that may take a while */
    struct call c = call_for(d, db, o.account);
    int r = DONE;

    if (rows_bool(row, 0, 9)) {
        turn_end_unsent(t, DONE);
    } else if (rows_i64(row, 0, 8) > TAKEOVERS_MAX) {
        turn_end_unsent(t, INTERRUPTED);
    } else {
        r = context_get(d->contexts, &c, rows_i64(row, 0, 2), &context);
        if (is_away(r))
            claimed_return(d, db, t);
        else if (r)
            turn_end_unsent(t, r == NOT_FOUND ? NOT_FOUND : INTERRUPTED);
        else
            turn_start(t, &c, &o);
    }
    text_drop(&c.out);
    arena_drop(&c.arena);
    return !is_away(r);
}

/* Claims one turn.  False: nothing to do, no slot, or it could not be started. */
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
    return claimed_start(d, db, row);
}

void claim_all(struct chatd *d, struct db *db)
{
    while (claim_one(d, db))
        ;
}
