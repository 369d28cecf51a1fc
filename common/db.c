/* PostgreSQL connections: connect, prepare, run, and what errors mean. */
#include "common/db.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/db_away.h"
#include "common/db_open.h"
#include "common/fault.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/pulse.h"

#define ARGS_MAX     16
#define RECONNECT_US 100000  /* between tries of one connection */
#define WRONG_US     1000000 /* the same where the database answers, but not as it should */

/* One statement of a pipeline. */
struct step {
    int query;
    size_t arg_count;
    struct arg args[ARGS_MAX];
};

struct db {
    struct db_open open; /* the same connection as pg, for db_cut_all() */
    PGconn *pg;
    struct db_config config;
    bool *prepared;     /* statements, by their place in queries; behind them the shared ones */
    int query_count;    /* of config.queries */
    bool broken;        /* the last use met a lost connection */
    int64_t retry_us;   /* no try to connect before this */
    bool begin_pending; /* BEGIN travels with the next statement */
    bool with_commit;   /* last_step travels with COMMIT */
    struct step last_step;
};

static const struct query shared_queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "common/queries.def"
    {0},
};

static const char *sqlstate(const PGresult *res)
{
    return res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
}

/* Of what failed: the connection is gone, or the server is about to close it (class 57P).  What has
 * no state is libpq's own: after a failed write it leaves the connection's status as it was. */
static bool is_lost(const PGconn *pg, const char *state)
{
    return PQstatus(pg) != CONNECTION_OK || !state || memcmp(state, "57P", 3) == 0;
}

/* Another try may work: lock timeout, deadlock, serialization, statement timeout, and a server
 * that lacks memory or disk (class 53). */
static bool is_contention(const char *state)
{
    return state && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0 ||
                     strcmp(state, "40001") == 0 || strcmp(state, "57014") == 0 ||
                     memcmp(state, "53", 2) == 0);
}

/* What a result that was no success means while connecting. */
static int connect_error(const PGconn *pg, const PGresult *res, const char *what)
{
    if (!is_lost(pg, sqlstate(res)) && !is_contention(sqlstate(res)))
        return FAULT("%s: %s", what, PQresultErrorMessage(res));
    db_away("db_connect", what, PQerrorMessage(pg));
    return UNAVAILABLE;
}

static int queries_count(const struct query *q)
{
    int n = 0;

    while (q && q[n].name)
        n++;
    return n;
}

static bool *is_prepared(struct db *db, int query)
{
    return &db->prepared[query >= SHARED_QUERIES ? db->query_count + query - SHARED_QUERIES
                                                 : query];
}

static void prepared_forget(struct db *db)
{
    size_t n = (size_t)db->query_count + queries_count(shared_queries);

    memset(db->prepared, 0, n * sizeof *db->prepared);
}

/* NULL: it was prepared before. */
static PGresult *prepare_once(struct db *db, int query)
{
    const struct query *q = db_query(db, query);
    bool waited;
    PGresult *res;

    if (*is_prepared(db, query))
        return NULL;
    waited = pulse_wait_begin();
    res = PQprepare(db->pg, q->name, q->sql, 0, NULL);
    pulse_wait_end(waited);
    *is_prepared(db, query) = PQresultStatus(res) == PGRES_COMMAND_OK;
    return res;
}

static int prepare_range(struct db *db, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        cleanup(rows_drop) PGresult *res = prepare_once(db, i);
        if (res && PQresultStatus(res) != PGRES_COMMAND_OK)
            return connect_error(db->pg, res, db_query(db, i)->name);
    }
    return DONE;
}

int db_prepare_all(struct db *db)
{
    int r = prepare_range(db, SHARED_QUERIES, queries_count(shared_queries));

    return r ? r : prepare_range(db, 0, db->query_count);
}

/* The schema must be the version this code was written for, or the next one. */
static int schema_check(PGconn *pg, const struct db_config *c)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int version;

    if (!c->schema_version)
        return DONE;
    res = PQexec(pg, "SELECT coalesce(max(version), 0) FROM schema_version");
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        return connect_error(pg, res, c->schema);
    version = (int)rows_i64(res, 0, 0);
    if (version != c->schema_version && version != c->schema_version + 1)
        return FAULT("schema %s has version %d, this program needs %d: run the migrations",
                     c->schema, version, c->schema_version);
    return DONE;
}

static void notice_ignore(void *state, const char *text)
{
    (void)state;
    (void)text;
}

/* Every statement has one good plan, so that none is ever planned twice: by its indexes, whatever
 * the statistics say, which take a table that was just filled for a tiny one (a branch of 6,000
 * messages took 10 s that way).  A host that was cut off is noticed within 15 s. */
static PGconn *connection_new(const struct db_config *c)
{
    char options[320];
    const char *keys[] = {"dbname",
                          "user",
                          "options",
                          "application_name",
                          "connect_timeout",
                          "keepalives",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          NULL};
    const char *values[] = {c->database, c->role, options, c->role, "3", "1",
                            "5",         "5",     "2",     "15000", NULL};
    PGconn *pg;

    snprintf(options, sizeof options,
             "-c search_path=%s -c statement_timeout=%d -c TimeZone=UTC -c DateStyle=ISO "
             "-c jit=off -c plan_cache_mode=force_generic_plan "
             "-c enable_seqscan=off -c random_page_cost=1.1",
             c->schema, c->statement_timeout_ms);
    pg = PQconnectdbParams(keys, values, 1);
    PQsetNoticeProcessor(pg, notice_ignore, NULL);
    return pg;
}

static int db_connect(struct db *db)
{
    bool waited = pulse_wait_begin();
    int r;

    db->broken = true;
    db->begin_pending = db->with_commit = false;
    prepared_forget(db);
    db_open_set(&db->open, NULL);
    PQfinish(db->pg);
    db->pg = connection_new(&db->config);
    db_open_set(&db->open, db->pg);
    if (PQstatus(db->pg) != CONNECTION_OK) {
        db_away("db_connect", "-", PQerrorMessage(db->pg));
        r = UNAVAILABLE;
    } else {
        r = schema_check(db->pg, &db->config);
    }
    db->broken = r != DONE;
    if (!r)
        db_back();
    pulse_wait_end(waited);
    db->retry_us = clock_us() + (r < 0 ? WRONG_US : RECONNECT_US);
    return r;
}

int db_open(const struct db_config *config, struct db **ret)
{
    struct db *db = calloc(1, sizeof *db);
    int r;

    if (!db)
        abort();
    db->config = *config;
    db->query_count = queries_count(config->queries);
    db->prepared =
        calloc((size_t)db->query_count + queries_count(shared_queries), sizeof *db->prepared);
    if (!db->prepared)
        abort();
    db_open_add(&db->open);
    r = db_connect(db);
    if (r) {
        db_close(&db);
        return r;
    }
    *ret = db;
    return DONE;
}

void db_close(struct db **db)
{
    if (!*db)
        return;
    db_open_remove(&(*db)->open);
    PQfinish((*db)->pg);
    free((*db)->prepared);
    free(*db);
    *db = NULL;
}

/* While it was idle the server closed it: better seen before a call than by one that may not be run
 * again.  A healthy server says nothing then, or something small. */
static bool was_closed(PGconn *pg)
{
    char c;

    if (recv(PQsocket(pg), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
        return false;
    PQconsumeInput(pg); /* what it said */
    PQconsumeInput(pg); /* the end behind it */
    return PQstatus(pg) != CONNECTION_OK;
}

bool db_revive(struct db *db)
{
    if (!db->broken && PQstatus(db->pg) == CONNECTION_OK && !was_closed(db->pg))
        return true;
    return !db_open_cut() && clock_us() >= db->retry_us && db_connect(db) == DONE;
}

bool db_usable(const struct db *db)
{
    return !db->broken;
}

bool db_failed(const struct db *db)
{
    return PQtransactionStatus(db->pg) == PQTRANS_INERROR;
}

void db_break(struct db *db)
{
    db->broken = true;
}

PGconn *db_conn(struct db *db)
{
    return db->pg;
}

const struct query *db_query(const struct db *db, int query)
{
    return query >= SHARED_QUERIES ? &shared_queries[query - SHARED_QUERIES]
                                   : &db->config.queries[query];
}

int db_error(struct db *db, const PGresult *res, const char *what)
{
    const char *state = sqlstate(res);

    if (state && strcmp(state, "23505") == 0)
        return CONFLICT;
    if (state && strcmp(state, "P0001") == 0) {
        int status = api_status_coded(PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
        if (status > 0)
            return status;
    }
    if (state && strcmp(state, "23502") == 0 && strcmp(what, "idempotency_store") == 0)
        return IN_FLIGHT;
    if (is_contention(state)) {
        log_line(LOG_LEVEL_NOTICE, "event=db_contention query=%s sqlstate=%s", what, state);
        return BUSY;
    }
    if (is_lost(db->pg, state)) {
        db->broken = true;
        db_away("db_lost", what, PQerrorMessage(db->pg));
        return UNAVAILABLE;
    }
    /* never DETAIL: it quotes the row */
    return FAULT("query %s: sqlstate %s: %s", what, state ? state : "-",
                 res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : PQerrorMessage(db->pg));
}

static bool is_good(const PGresult *res)
{
    return PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK;
}

int db_command(struct db *db, const char *sql)
{
    bool waited = pulse_wait_begin();
    cleanup(rows_drop) PGresult *res = PQexec(db->pg, sql);

    pulse_wait_end(waited);
    return is_good(res) ? DONE : db_error(db, res, sql);
}

/* Prepares a statement before its first use: a round trip more. */
static int prepare(struct db *db, int query)
{
    cleanup(rows_drop) PGresult *res = prepare_once(db, query);

    return !*is_prepared(db, query) ? db_error(db, res, db_query(db, query)->name) : DONE;
}

bool db_send(struct db *db, int query, size_t n, const struct arg *args, bool *ret_prepares)
{
    const struct query *q = db_query(db, query);
    const char *values[ARGS_MAX];

    *ret_prepares = !*is_prepared(db, query);
    if (*ret_prepares && !PQsendPrepare(db->pg, q->name, q->sql, 0, NULL))
        return false;
    *is_prepared(db, query) = true;
    args_values(n, args, values);
    return PQsendQueryPrepared(db->pg, q->name, (int)n, values, NULL, NULL, 0) == 1;
}

/* Sends all, then takes all results: one round trip.  ret has room for n, owned by the caller. */
static int pipeline_exchange(PGconn *pg, const struct db *db, const struct step *const *steps,
                             int n, PGresult **ret)
{
    const char *values[ARGS_MAX];
    PGresult *sync;

    for (int i = 0; i < n; i++) {
        args_values(steps[i]->arg_count, steps[i]->args, values);
        if (!PQsendQueryPrepared(pg, db_query(db, steps[i]->query)->name, (int)steps[i]->arg_count,
                                 values, NULL, NULL, 0))
            return -1;
    }
    if (!PQpipelineSync(pg))
        return -1;
    for (int i = 0; i < n; i++) {
        ret[i] = PQgetResult(pg);
        if (!ret[i] || PQstatus(pg) != CONNECTION_OK)
            return -1;
        PQclear(PQgetResult(pg)); /* NULL: the end of this statement's results */
    }
    sync = PQgetResult(pg);
    PQclear(sync);
    return PQexitPipelineMode(pg) ? 0 : -1;
}

/* Runs steps in one round trip.  The result of step `wanted` goes to *ret (may be NULL). */
static int pipeline_run(struct db *db, const struct step *const *steps, int n, int wanted,
                        PGresult **ret)
{
    PGresult *results[2] = {NULL};
    int64_t begun;
    bool waited;
    int r = DONE;

    for (int i = 0; i < n && !r; i++)
        r = prepare(db, steps[i]->query);
    if (r)
        return r;
    begun = clock_us();
    waited = pulse_wait_begin();
    if (!PQenterPipelineMode(db->pg) || pipeline_exchange(db->pg, db, steps, n, results))
        db->broken = true;
    pulse_wait_end(waited);
    db_slow_tell(db_query(db, steps[n - 1]->query)->name, begun);
    for (int i = 0; i < n && !r; i++)
        if (!is_good(results[i]))
            r = db_error(db, results[i], db_query(db, steps[i]->query)->name);
    if (!r && ret)
        *ret = TAKE(results[wanted]);
    for (int i = 0; i < n; i++)
        PQclear(results[i]);
    return r;
}

int db_begin(struct db *db)
{
    db->begin_pending = true;
    db->with_commit = false;
    return DONE;
}

void db_with_commit(struct db *db, int query, size_t n, const struct arg *args)
{
    db->last_step = (struct step){.query = query, .arg_count = n};
    memcpy(db->last_step.args, args, n * sizeof *args);
    db->with_commit = true;
}

int db_commit(struct db *db)
{
    static const struct step commit = {.query = SQ_commit};
    const struct step *steps[] = {&db->last_step, &commit};
    int r;

    if (db->begin_pending) { /* nothing was done */
        db->begin_pending = false;
        return DONE;
    }
    if (db_failed(db)) { /* COMMIT would roll back and call that a success */
        db_rollback(db);
        return FAULT("COMMIT after a statement that failed");
    }
    if (!db->with_commit)
        return db_command(db, "COMMIT");
    db->with_commit = false;
    r = pipeline_run(db, steps, 2, 1, NULL);
    if (r)
        db_rollback(db);
    return r;
}

void db_rollback(struct db *db)
{
    if (!db->begin_pending && !db->broken && db_command(db, "ROLLBACK"))
        db->broken = true;
    db->begin_pending = db->with_commit = false;
}

int db_run(struct db *db, int query, size_t n, const struct arg *args, PGresult **ret)
{
    static const struct step begin = {.query = SQ_begin};
    cleanup(rows_drop) PGresult *res = NULL;
    const char *values[ARGS_MAX], *name = db_query(db, query)->name;
    int64_t begun;
    bool waited;
    int r;

    if (db->begin_pending) {
        struct step step = {.query = query, .arg_count = n};
        const struct step *steps[] = {&begin, &step};
        if (n)
            memcpy(step.args, args, n * sizeof *args);
        db->begin_pending = false;
        return pipeline_run(db, steps, 2, 1, ret);
    }
    r = prepare(db, query);
    if (r)
        return r;
    args_values(n, args, values);
    begun = clock_us();
    waited = pulse_wait_begin();
    res = PQexecPrepared(db->pg, name, (int)n, values, NULL, NULL, 0);
    pulse_wait_end(waited);
    db_slow_tell(name, begun);
    if (!is_good(res))
        return db_error(db, res, name);
    *ret = TAKE(res);
    return DONE;
}
