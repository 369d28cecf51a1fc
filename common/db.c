/* PostgreSQL connections: connect, prepare, run, and what errors mean. */
#include "common/db.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/fault.h"
#include "common/idempotency.h"
#include "common/log.h"

#define ARGS_MAX 16

/* One statement of a pipeline. */
struct step {
    int query;
    size_t arg_count;
    struct arg args[ARGS_MAX];
};

struct db {
    PGconn *pg;
    struct db_config config;
    bool broken;        /* the last use met a lost connection */
    bool begin_pending; /* BEGIN travels with the next statement */
    bool with_commit;   /* last_step travels with COMMIT */
    struct step last_step;
};

static const struct query shared_queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "common/queries.def"
    {0},
};

static int prepare_all(PGconn *pg, const struct query *q)
{
    for (; q && q->name; q++) {
        cleanup(rows_drop) PGresult *res = PQprepare(pg, q->name, q->sql, 0, NULL);
        if (PQresultStatus(res) != PGRES_COMMAND_OK)
            return FAULT("prepare %s: %s", q->name, PQresultErrorMessage(res));
    }
    return DONE;
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
        return FAULT("schema %s: %s", c->schema, PQresultErrorMessage(res));
    version = (int)rows_i64(res, 0, 0);
    if (version != c->schema_version && version != c->schema_version + 1)
        return FAULT("schema %s has version %d, this program needs %d: run the migrations",
                     c->schema, version, c->schema_version);
    return DONE;
}

/* Every statement has one good plan, so that none is ever planned twice. */
static PGconn *connection_new(const struct db_config *c)
{
    char options[256];
    const char *keys[] = {"dbname",          "user",       "options",         "application_name",
                          "connect_timeout", "keepalives", "keepalives_idle", NULL};
    const char *values[] = {c->database, c->role, options, c->role, "3", "1", "10", NULL};

    snprintf(options, sizeof options,
             "-c search_path=%s -c statement_timeout=%d -c TimeZone=UTC -c DateStyle=ISO "
             "-c jit=off -c plan_cache_mode=force_generic_plan",
             c->schema, c->statement_timeout_ms);
    return PQconnectdbParams(keys, values, 1);
}

static int db_connect(struct db *db)
{
    db->broken = true;
    db->begin_pending = db->with_commit = false;
    if (db->pg)
        PQfinish(db->pg);
    db->pg = connection_new(&db->config);
    if (PQstatus(db->pg) != CONNECTION_OK) {
        char text[400];
        log_line(LOG_LEVEL_WARN, "event=db_connect what=%s",
                 log_quote(PQerrorMessage(db->pg), text, sizeof text));
        return UNAVAILABLE;
    }
    if (schema_check(db->pg, &db->config) || prepare_all(db->pg, shared_queries) ||
        prepare_all(db->pg, db->config.queries))
        return -1;
    db->broken = false;
    return DONE;
}

int db_open(const struct db_config *config, struct db **ret)
{
    struct db *db = calloc(1, sizeof *db);
    int r;

    if (!db)
        abort();
    db->config = *config;
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
    if ((*db)->pg)
        PQfinish((*db)->pg);
    free(*db);
    *db = NULL;
}

bool db_revive(struct db *db)
{
    if (!db->broken && PQstatus(db->pg) == CONNECTION_OK)
        return true;
    return db_connect(db) == DONE;
}

bool db_usable(const struct db *db)
{
    return !db->broken;
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
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

    if (state && strcmp(state, "23505") == 0)
        return CONFLICT;
    if (state && strcmp(state, "P0001") == 0) {
        int status = api_status_coded(PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
        if (status > 0)
            return status;
    }
    if (state && strcmp(state, "23502") == 0 && strcmp(what, "idempotency_store") == 0)
        return IN_FLIGHT;
    /* lock timeout, deadlock, serialization: another try may work */
    if (state && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0 ||
                  strcmp(state, "40001") == 0)) {
        log_line(LOG_LEVEL_NOTICE, "event=db_contention query=%s sqlstate=%s", what, state);
        return BUSY;
    }
    if (PQstatus(db->pg) != CONNECTION_OK || (state && memcmp(state, "57P", 3) == 0)) {
        char text[400];
        db->broken = true;
        log_line(LOG_LEVEL_WARN, "event=db_lost query=%s what=%s", what,
                 log_quote(PQerrorMessage(db->pg), text, sizeof text));
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
    cleanup(rows_drop) PGresult *res = PQexec(db->pg, sql);

    return is_good(res) ? DONE : db_error(db, res, sql);
}

void args_values(size_t n, const struct arg *args, const char **ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = args[i].text ? args[i].text : args[i].number[0] ? args[i].number : NULL;
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
    int r = DONE;

    if (!PQenterPipelineMode(db->pg) || pipeline_exchange(db->pg, db, steps, n, results))
        db->broken = true;
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

    if (db->begin_pending) {
        struct step step = {.query = query, .arg_count = n};
        const struct step *steps[] = {&begin, &step};
        if (n)
            memcpy(step.args, args, n * sizeof *args);
        db->begin_pending = false;
        return pipeline_run(db, steps, 2, 1, ret);
    }
    args_values(n, args, values);
    res = PQexecPrepared(db->pg, name, (int)n, values, NULL, NULL, 0);
    if (!is_good(res))
        return db_error(db, res, name);
    *ret = TAKE(res);
    return DONE;
}

int db_rows(struct call *c, int query, size_t n, const struct arg *args, PGresult **ret)
{
    return db_run(c->db, query, n, args, ret);
}

int db_one(struct call *c, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = db_run(c->db, query, n, args, &res);

    if (r)
        return r;
    if (PQntuples(res) == 0)
        return NOT_FOUND;
    c->new_id = c->op->out->fields[0].type == T_I64 ? rows_i64(res, 0, 0) : 0;
    text_clear(&c->out);
    row_json(&c->out, c->op->out, res, 0);
    return DONE;
}

int db_do(struct call *c, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = db_run(c->db, query, n, args, &res);

    return r ? r : rows_affected(res) ? DONE : NOT_FOUND;
}

int db_get(struct call *c, int query, size_t n, const struct arg *args, const struct into *into)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = db_run(c->db, query, n, args, &res);

    if (r)
        return r;
    if (PQntuples(res) == 0)
        return NOT_FOUND;
    for (int i = 0; into[i].i64 || into[i].f64 || into[i].boolean || into[i].str; i++) {
        const char *v = rows_null(res, 0, i) ? NULL : rows_str(res, 0, i);
        if (into[i].i64)
            *into[i].i64 = v ? strtoll(v, NULL, 10) : 0;
        else if (into[i].f64)
            *into[i].f64 = v ? strtod(v, NULL) : 0;
        else if (into[i].boolean)
            *into[i].boolean = v && v[0] == 't';
        else
            *into[i].str = v ? arena_strndup(&c->arena, v, strlen(v)) : NULL;
    }
    return DONE;
}

struct arg arg_i64(int64_t v)
{
    struct arg a = {0};

    snprintf(a.number, sizeof a.number, "%" PRId64, v);
    return a;
}

struct arg arg_f64(double v)
{
    struct arg a = {0};

    snprintf(a.number, sizeof a.number, "%.17g", v);
    return a;
}

struct arg arg_bool(bool v)
{
    return (struct arg){.text = v ? "t" : "f"};
}

struct arg arg_str(const char *v)
{
    return (struct arg){.text = v};
}

struct arg arg_i64_if(bool given, int64_t v)
{
    return given ? arg_i64(v) : (struct arg){0};
}

struct arg arg_f64_if(bool given, double v)
{
    return given ? arg_f64(v) : (struct arg){0};
}

struct arg arg_bool_if(bool given, bool v)
{
    return given ? arg_bool(v) : (struct arg){0};
}
