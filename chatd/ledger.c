/* The durable end of turns, and their text on the way. */
#include "chatd/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chatd/chatd.h"
#include "chatd/checkpoints.h"
#include "chatd/keeper.h"
#include "chatd/meters.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "chatd/turn_view.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/service.h"
#include "common/spans.h"

#define BATCH_MAX    64       /* ends in one transaction */
#define PAUSE_NS     50000000 /* while the database is away */
#define FLUSH_MAX_US 5000000  /* to write all the rest when the process ends */

#define COLUMN_WAITS 13 /* of turn_finished, behind the shape turn */

struct ledger {
    struct chatd *chatd;
    struct db *db;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct checkpoints checkpoints;
    struct turn *ends, **ends_last; /* linked by round_next */
    bool stop;
    bool waits;       /* of the thread: as the last ends say */
    int64_t until_us; /* of the thread: when it gives up, 0: never */
};

/* ---- text ---- */

static bool is_stopping(struct ledger *l)
{
    bool stop;

    pthread_mutex_lock(&l->lock);
    stop = l->stop;
    pthread_mutex_unlock(&l->lock);
    return stop;
}

/* Puts them back in front of what came meanwhile. */
static void checkpoints_return(struct ledger *l, struct checkpoints *checkpoints)
{
    pthread_mutex_lock(&l->lock);
    checkpoints_move(checkpoints, &l->checkpoints);
    checkpoints_move(&l->checkpoints, checkpoints);
    pthread_mutex_unlock(&l->lock);
}

static void checkpoints_store(struct ledger *l, struct checkpoints *checkpoints)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};
    int r = db_revive(l->db)
                ? checkpoints_write(checkpoints, l->db, daemon_instance(l->chatd->daemon))
                : UNAVAILABLE;

    if ((r == UNAVAILABLE || r == BUSY) && !is_stopping(l)) {
        checkpoints_return(l, checkpoints);
        nanosleep(&pause, NULL);
        return;
    }
    checkpoints_drop(checkpoints, l->chatd, r == DONE);
}

/* ---- ends ---- */

struct ended {
    bool mine;        /* false: the fence refused it */
    bool waits;       /* a turn was in the queue; or who knows */
    struct text json; /* shape turn */
};

static void requests_json(const struct turn *t, struct text *out)
{
    text_json_name(out, "requests");
    text_putc(out, '[');
    for (int i = 0; i < t->try_count; i++) {
        const struct turn_try *u = &t->tries[i];
        if (i)
            text_putc(out, ',');
        text_putc(out, '{');
        text_member_i64(out, "number", u->number);
        text_member_i64(out, "http", u->http);
        text_member_str(out, "code", u->status ? api_code(u->status) : NULL);
        text_member_str(out, "request_id", u->request_id);
        text_member_i64(out, "first_us", u->first_us);
        text_member_i64(out, "total_us", u->total_us);
        text_putc(out, '}');
    }
    text_putc(out, ']');
}

static bool is_handed_over(const struct turn *t)
{
    return strcmp(t->state, "queued") == 0;
}

static bool tokens_known(const struct turn *t)
{
    return t->input_tokens >= 0 && t->output_tokens >= 0;
}

/*
 * The attempt, for turn.tries: {"attempt":1,"process":"...","outcome":"completed","total_us":1,...
 * "requests":[{"number":1,"http":200,...}]}.  An attempt whose process died has an entry too, see
 * TURN_BACK in queries.def.
 */
static void attempt_json(const struct turn *t, const char *process, struct text *out)
{
    text_putc(out, '{');
    text_member_i64(out, "attempt", t->attempt);
    text_member_str(out, "process", process);
    text_member_str(out, "outcome", is_handed_over(t) ? "handed_over" : t->state);
    text_member_str(out, "code", t->error ? api_code(t->error) : NULL);
    text_member_i64(out, "first_us", t->first_us);
    text_member_i64(out, "total_us", clock_us() - t->begun_us);
    if (tokens_known(t)) {
        text_member_i64(out, "input_tokens", t->input_tokens);
        text_member_i64(out, "output_tokens", t->output_tokens);
        text_json_name(out, "estimated");
        text_puts(out, t->estimated ? "true" : "false");
    }
    requests_json(t, out);
    text_putc(out, '}');
}

/* The process ends: others go on with the turn. */
static int hand_over(struct ledger *l, const struct turn *t, const char *attempt, struct ended *ret)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_run(l->db, Q_turn_hand_over,
                   ARGS(t->id, t->fence, daemon_instance(l->chatd->daemon), attempt), &rows);

    ret->mine = !r && rows_count(rows) > 0;
    ret->waits = true;
    return r;
}

static void ended_json(const struct turn *t, const char *finished, struct text *out)
{
    struct turn_view view = turn_view_of(t);

    view.state = t->state;
    view.finished = finished;
    if (tokens_known(t)) {
        view.input_tokens = t->input_tokens;
        view.output_tokens = t->output_tokens;
        view.dropped_messages = t->dropped;
    }
    if (t->error) {
        view.error = api_code(t->error);
        view.detail = t->detail;
        view.retryable = t->retryable;
    }
    turn_view_json(out, &view);
}

/* What the row says: whether an end whose reply was lost took place, and of a turn that ended
 * before it was known here what it is sent with. */
static int ended_look(struct ledger *l, const struct turn *t, struct ended *ret)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_run(l->db, Q_turn_finished, ARGS(t->id, t->fence, daemon_instance(l->chatd->daemon)),
                   &rows);

    if (r)
        return r;
    ret->mine = rows_count(rows) > 0;
    ret->waits = !ret->mine || rows_bool(rows, 0, COLUMN_WAITS);
    if (ret->mine)
        row_json(&ret->json, api_op(OP_turn_get)->out, rows, 0);
    return DONE;
}

static int end_write(struct ledger *l, const struct turn *t, struct ended *ret)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    cleanup(text_drop) struct text attempt = {0};
    bool known = tokens_known(t);
    const char *process = daemon_instance(l->chatd->daemon);
    int r;

    text_clear(&ret->json); /* of a try before */
    attempt_json(t, process, &attempt);
    if (is_handed_over(t))
        return hand_over(l, t, attempt.data, ret);
    r = db_run(l->db, Q_turn_finish,
               ARGS(t->id, t->fence, process, t->state, t->message_status,
                    t->answer.data ? (const char *)t->answer.data : "",
                    t->finish_reason[0] ? (const char *)t->finish_reason : NULL,
                    arg_i64_if(known, t->input_tokens), arg_i64_if(known, t->output_tokens),
                    t->dropped, t->error ? api_code(t->error) : (const char *)NULL,
                    t->error ? (const char *)t->detail : NULL,
                    arg_bool_if(t->error != DONE, t->retryable), (const char *)attempt.data,
                    conf_bool(l->chatd->conf, SET_TITLES)),
               &rows);
    if (r)
        return r;
    if (rows_count(rows) == 0 || !t->sent_with.size)
        return ended_look(l, t, ret);
    ret->mine = true;
    ret->waits = rows_bool(rows, 0, 1);
    ended_json(t, rows_str(rows, 0, 0), &ret->json);
    return DONE;
}

static int batch_write(struct ledger *l, struct turn *const *turns, struct ended *ret, int n)
{
    int r;

    if (n == 1) /* one statement is a transaction by itself */
        return end_write(l, turns[0], &ret[0]);
    r = db_begin(l->db);
    for (int i = 0; !r && i < n; i++)
        r = end_write(l, turns[i], &ret[i]);
    if (r) {
        db_rollback(l->db);
        return r;
    }
    return db_commit(l->db);
}

static void end_count(struct ledger *l, const struct turn *t, bool mine)
{
    struct meters *m = daemon_meters(l->chatd->daemon);
    int64_t total_us = clock_us() - t->begun_us, text_us = total_us - t->first_us;

    meter_add(m, M_attempts_total,
              !mine               ? "refused"
              : is_handed_over(t) ? "handed_over"
              : t->error          ? api_code(t->error)
                                  : t->state,
              1);
    meter_add(m, M_fence_rejections_total, NULL, !mine);
    if (!mine || strcmp(t->state, "completed") != 0)
        return;
    meter_observe(m, M_attempt_seconds, total_us);
    if (t->first_us >= 0 && text_us > 0 && t->output_tokens > 0)
        meter_observe(m, M_tokens_per_second,
                      (int64_t)((double)t->output_tokens * 1e12 / (double)text_us));
}

/* One attempt, which asks the provider, below the operation that accepted the turn. */
static void end_trace(const struct turn *t, bool mine)
{
    struct trace own = t->trace;
    char name[160];
    const struct span_fact facts[] = {
        {.name = "gen_ai.operation.name", .text = "chat"},
        {.name = "gen_ai.request.model", .text = t->model},
        {.name = "gen_ai.usage.input_tokens", .number = t->input_tokens},
        {.name = "gen_ai.usage.output_tokens", .number = t->output_tokens},
        {.name = "http.response.status_code",
         .number = t->try_count ? t->tries[t->try_count - 1].http : -1},
        {.name = "error.type", .text = t->error ? api_code(t->error) : NULL, .number = -1},
        {.name = "chatbot.turn.id", .number = t->id},
        {.name = "chatbot.turn.attempt", .number = t->attempt},
        {.name = "chatbot.turn.state", .text = mine ? t->state : "refused"},
        {.name = "chatbot.turn.tries", .number = t->try_count},
        {.name = "chatbot.turn.first_text_us", .number = t->first_us},
    };

    memcpy(own.span, t->span, sizeof own.span);
    snprintf(name, sizeof name, "chat %s", t->model);
    span_end(&(struct span){.name = name,
                            .kind = SPAN_CLIENT,
                            .trace = &own,
                            .parent = t->trace.span,
                            .begun_us = t->begun_us,
                            .failed = t->error != DONE},
             facts, sizeof facts / sizeof *facts);
}

static void end_tell(struct ledger *l, struct turn *t, struct ended *e)
{
    struct turn_told told = {
        .id = t->id, .account = t->account, .project = t->project, .conversation = t->conversation};

    end_count(l, t, e->mine);
    if (e->mine)
        turn_tell(l->chatd, &told, t->state);
    if (e->mine && !is_handed_over(t))
        turn_publish_end(l->chatd, t->id, t->attempt, t->finish_reason, e->json.data, e->json.size);
    if (t->span[0])
        end_trace(t, e->mine);
    log_trace(t->trace.id);
    if (!e->mine)
        log_line(LOG_LEVEL_NOTICE, "event=fence_refused turn=%" PRId64 " fence=%" PRId64, t->id,
                 t->fence);
    log_line(LOG_LEVEL_INFO,
             "event=turn_end turn=%" PRId64 " caller=%" PRId64 " state=%s attempt=%" PRId64
             " tries=%d bytes=%zu%s%s",
             t->id, t->account, e->mine ? t->state : "refused", t->attempt, t->try_count,
             t->answer.size, t->error ? " code=" : "", t->error ? api_code(t->error) : "");
    log_trace(NULL);
    turn_drop(t);
}

/* Whether to go on trying: the database may come back until the process has to end. */
static bool patience(struct ledger *l)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};

    if (!l->until_us && is_stopping(l))
        l->until_us = clock_us() + FLUSH_MAX_US;
    if (l->until_us && clock_us() > l->until_us)
        return false;
    nanosleep(&pause, NULL);
    return true;
}

/* Writes up to BATCH_MAX ends.  One that the database refuses for itself, and those for which the
 * process has no time left, are dropped: their rows still say running, and are taken over. */
static void ends_write(struct ledger *l, struct turn **turns, int n)
{
    struct ended ended[BATCH_MAX] = {0};
    bool away;
    int r;

    do {
        r = db_revive(l->db) ? batch_write(l, turns, ended, n) : UNAVAILABLE;
        away = r == UNAVAILABLE || r == BUSY;
    } while (away && patience(l));
    for (int i = 0; !r && i < n; i++) /* before anybody hears of it and asks */
        atomic_store(&turns[i]->settled, true);
    for (int i = 0; i < n; i++) {
        l->waits |= r || ended[i].waits;
        if (!r)
            end_tell(l, turns[i], &ended[i]);
        else if (away || n == 1)
            turn_drop(turns[i]);
        else
            ends_write(l, &turns[i], 1);
        text_drop(&ended[i].json);
    }
}

/* ---- the thread ---- */

static int ends_take(struct ledger *l, struct turn *ret[BATCH_MAX])
{
    int n = 0;

    while (l->ends && n < BATCH_MAX) {
        ret[n++] = l->ends;
        l->ends = l->ends->round_next;
    }
    if (!l->ends)
        l->ends_last = &l->ends;
    return n;
}

static void *ledger_run(void *state)
{
    struct ledger *l = state;

    pulse_begin(PULSE_WORK, "ledger", 0);
    for (;;) {
        struct turn *turns[BATCH_MAX];
        struct checkpoints checkpoints;
        int n;
        pulse_rest();
        pthread_mutex_lock(&l->lock);
        while (!l->stop && !l->checkpoints.first && !l->ends)
            pthread_cond_wait(&l->filled, &l->lock);
        checkpoints_init(&checkpoints);
        checkpoints_move(&checkpoints, &l->checkpoints);
        n = ends_take(l, turns);
        pthread_mutex_unlock(&l->lock);
        pulse_beat(NULL);
        if (!checkpoints.first && !n)
            break;
        if (checkpoints.first)
            checkpoints_store(l, &checkpoints);
        if (!n)
            continue;
        l->waits = false;
        ends_write(l, turns, n);
        keeper_slot_free(l->chatd->keeper, l->waits);
    }
    pulse_end();
    return NULL;
}

int ledger_start(struct chatd *d, struct ledger **ret)
{
    struct ledger *l = calloc(1, sizeof *l);
    int r;

    if (!l)
        abort();
    l->chatd = d;
    checkpoints_init(&l->checkpoints);
    l->ends_last = &l->ends;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->filled, NULL);
    *ret = l;
    r = daemon_db(d->daemon, &l->db);
    if (!r && (errno = pthread_create(&l->thread, NULL, ledger_run, l)))
        r = FAULT("thread: %m");
    return r;
}

void ledger_drop(struct ledger **ledger)
{
    struct ledger *l = *ledger;

    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
    if (l->thread)
        pthread_join(l->thread, NULL);
    db_close(&l->db);
    free(l);
    *ledger = NULL;
}

void ledger_append(struct ledger *l, const struct turn *t, const char *text, size_t size)
{
    pthread_mutex_lock(&l->lock);
    checkpoints_add(&l->checkpoints, t, text, size);
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
}

void ledger_finish(struct ledger *l, struct turn *t)
{
    t->round_next = NULL;
    pthread_mutex_lock(&l->lock);
    *l->ends_last = t;
    l->ends_last = &t->round_next;
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
}
