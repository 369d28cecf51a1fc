/* Claims queued turns and starts them. */
#include "chatd/claim.h"

#include <inttypes.h>
#include <string.h>

#include "chatd/cancel.h"
#include "chatd/chat.h"
#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/files.h"
#include "chatd/queries.h"
#include "chatd/refused.h"
#include "chatd/turn.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/log.h"
#include "common/service.h"
#include "common/spans.h"
#include "common/trace.h"

#define TAKEOVERS_MAX 20       /* of one turn; then it fails as interrupted */
#define CONTEXT_US    10000000 /* for projectd to tell the project's context */

/* The call that stands for the turn's owner while its turn is prepared. */
static struct call call_for(struct chatd *d, struct db *db, const struct turn_order *o)
{
    return (struct call){.daemon = d->daemon,
                         .db = db,
                         .caller = o->account,
                         .trace = o->trace,
                         .address = "",
                         .deadline_us = clock_us() + CONTEXT_US};
}

static bool is_away(int r)
{
    return r == UNAVAILABLE || r == TOO_LATE || r == BUSY;
}

/* It is not run any more; its answer must not go on in the background. */
static void claimed_end(struct chatd *d, struct turn *t, const struct turn_order *o,
                        enum status error)
{
    if (o->response_id)
        upstream_cancel_response(d->upstream, o->response_id);
    turn_end_unsent(t, error);
}

/* How long a new turn has waited; of one that comes from another process that is not known. */
static void wait_trace(const struct turn_order *o, int64_t age_ms)
{
    struct trace own, asker;
    const struct span_fact facts[] = {{.name = "chatbot.turn.id", .number = o->id}};

    trace_read(&asker, o->trace);
    if (!spans_on() || !asker.span[0] || o->attempt != 1)
        return;
    own = asker;
    span_id_make(own.span);
    span_end(&(struct span){.name = "turn_queue",
                            .kind = SPAN_INTERNAL,
                            .trace = &own,
                            .parent = asker.span,
                            .begun_us = clock_us() - age_ms * 1000},
             facts, 1);
}

/* False when it had to go back. */
static bool claimed_start(struct chatd *d, struct db *db, const struct pg_result *row, int64_t term)
{
    struct context context = {0};
    struct turn_order o = {
        .id = rows_i64(row, 0, 0),
        .account = rows_i64(row, 0, 1),
        .project = rows_i64(row, 0, 2),
        .conversation = rows_i64(row, 0, 3),
        .term = term,
        .user_message = rows_i64(row, 0, 4),
        .answer = rows_i64(row, 0, 5),
        .fence = rows_i64(row, 0, 6),
        .attempt = rows_i64(row, 0, 7),
        .model = rows_str(row, 0, 10),
        .message = model_question(rows_str(row, 0, 11), strlen(rows_str(row, 0, 11))),
        .continues = rows_null(row, 0, 11),
        .claimed = true,
        .parent = rows_null(row, 0, 12) ? 0 : rows_i64(row, 0, 12),
        .created = rows_str(row, 0, 15),
        .response_id = rows_null(row, 0, 16) ? NULL : rows_str(row, 0, 16),
        .response_seq = rows_null(row, 0, 17) ? -1 : rows_i64(row, 0, 17),
        .said = rows_str(row, 0, 18),
        .trace = rows_null(row, 0, 19) ? "claim" : rows_str(row, 0, 19),
        .context = &context,
    };
    struct turn *t = turn_new(d, &o); /* before projectd is asked: that may take a while */
    struct call c = call_for(d, db, &o);
    struct ids files;
    int r = DONE;

    rows_ids(row, 0, 14, &files);
    o.message.files = files_new(&c.arena, &files);
    o.message.file_count = files.count;
    if (o.continues)
        o.message = chat_go_on();
    log_trace(o.trace);
    log_line(LOG_LEVEL_INFO, "event=claim turn=%" PRId64 " attempt=%" PRId64 " age_ms=%" PRId64,
             o.id, o.attempt, rows_i64(row, 0, 20));
    wait_trace(&o, rows_i64(row, 0, 20));
    turns_tell(d, row, "running");
    if (rows_i64(row, 0, 8) > TAKEOVERS_MAX) {
        claimed_end(d, t, &o, INTERRUPTED);
    } else {
        r = context_get(d->contexts, &c, o.project, &context);
        if (is_away(r))
            turn_return(t, db);
        else if (r) /* of a deleted project nobody waits for an answer */
            claimed_end(d, t, &o, r == NOT_FOUND ? DONE : INTERNAL);
        else
            turn_start(t, &c, &o);
    }
    log_trace(NULL);
    text_drop(&c.out);
    arena_drop(&c.arena);
    return !is_away(r);
}

/* Claims one turn.  False: nothing to do (then *ret_none), no slot, or it could not be started. */
static bool claim_one(struct chatd *d, struct db *db, bool *ret_none)
{
    cleanup(rows_drop) struct pg_result *row = NULL;
    int64_t term;

    if (!slot_take(d, &term))
        return false;
    if (db_run(db, Q_turn_claim,
               ARGS(daemon_instance(d->daemon), conf_i64(d->conf, SET_MAX_TURNS_PER_USER)), &row) ||
        rows_count(row) == 0) {
        *ret_none = row != NULL;
        slot_give(d);
        return false;
    }
    return claimed_start(d, db, row, term);
}

/* Ends turns that were asked to stop and then lost their owner.  False: no more of them. */
static bool cancelled_end(struct chatd *d, struct db *db)
{
    cleanup(rows_drop) struct pg_result *row = NULL;

    if (db_run(db, Q_turn_end_queued, ARGS(arg_i64_if(false, 0)), &row) || rows_count(row) == 0)
        return false;
    queued_end_tell(d, row);
    return true;
}

static bool queue_is_empty(struct db *db)
{
    cleanup(rows_drop) struct pg_result *row = NULL;

    return !db_run(db, Q_queue_waits, NO_ARGS, &row) && !rows_bool(row, 0, 0);
}

bool claim_all(struct chatd *d, struct db *db)
{
    bool none = false;

    refused_look(d);
    while (cancelled_end(d, db))
        ;
    while (claim_one(d, db, &none))
        ;
    return none && queue_is_empty(db);
}
