#pragma once
/*
 * PostgreSQL for handlers.  Statements come from the daemon's queries.def.  A daemon prepares all
 * of them once before it serves, so that a bad one stops it from starting; each connection then
 * prepares what it runs at its first use, as most never run most of them.
 *
 * A lost connection is UNAVAILABLE for the call that meets it; the worker reconnects, and runs the
 * call again where that is safe (worker.c).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "proto/api.h"

struct call;
struct db;
struct pg_result;
struct text;

struct query {
    const char *name, *sql; /* the last one has a NULL name */
};

/* One statement parameter, as text; NULL text is SQL NULL. */
struct arg {
    const char *text;
    char number[32];
};

struct arg arg_i64(int64_t v);
struct arg arg_f64(double v);
struct arg arg_bool(bool v);
struct arg arg_str(const char *v);
/* NULL unless given */
struct arg arg_i64_if(bool given, int64_t v);
struct arg arg_f64_if(bool given, double v);
struct arg arg_bool_if(bool given, bool v);

/* Ids as PostgreSQL writes a bigint[]: "{1,2,3}". */
const char *ids_array(struct arena *a, const struct ids *ids);

#define ARG(x) \
    _Generic((x), struct arg: arg_same, int: arg_int, int64_t: arg_i64, uint32_t: arg_i64,         \
             double: arg_f64, bool: arg_bool, char *: arg_str, const char *: arg_str)(x)
static inline struct arg arg_same(struct arg a)
{
    return a;
}
static inline struct arg arg_int(int v)
{
    return arg_i64(v);
}

#define ARGS_N(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, N, ...) N
#define ARGS_COUNT(...) \
    ARGS_N(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ARGS_1(a)       ARG(a)
#define ARGS_2(a, ...)  ARG(a), ARGS_1(__VA_ARGS__)
#define ARGS_3(a, ...)  ARG(a), ARGS_2(__VA_ARGS__)
#define ARGS_4(a, ...)  ARG(a), ARGS_3(__VA_ARGS__)
#define ARGS_5(a, ...)  ARG(a), ARGS_4(__VA_ARGS__)
#define ARGS_6(a, ...)  ARG(a), ARGS_5(__VA_ARGS__)
#define ARGS_7(a, ...)  ARG(a), ARGS_6(__VA_ARGS__)
#define ARGS_8(a, ...)  ARG(a), ARGS_7(__VA_ARGS__)
#define ARGS_9(a, ...)  ARG(a), ARGS_8(__VA_ARGS__)
#define ARGS_10(a, ...) ARG(a), ARGS_9(__VA_ARGS__)
#define ARGS_11(a, ...) ARG(a), ARGS_10(__VA_ARGS__)
#define ARGS_12(a, ...) ARG(a), ARGS_11(__VA_ARGS__)
#define ARGS_13(a, ...) ARG(a), ARGS_12(__VA_ARGS__)
#define ARGS_14(a, ...) ARG(a), ARGS_13(__VA_ARGS__)
#define ARGS_15(a, ...) ARG(a), ARGS_14(__VA_ARGS__)
#define ARGS_16(a, ...) ARG(a), ARGS_15(__VA_ARGS__)
#define ARGS_OF(N)      ARGS_##N
#define ARGS_PASTE(N)   ARGS_OF(N)
/* The parameters $1, $2, ... of a statement: at most 16 values of the types in ARG(). */
#define ARGS(...)                                        \
    ARGS_COUNT(__VA_ARGS__), (const struct arg[])        \
    {                                                    \
        ARGS_PASTE(ARGS_COUNT(__VA_ARGS__))(__VA_ARGS__) \
    }
#define NO_ARGS 0, NULL

/* Where db_get() puts a column; SQL NULL leaves numbers 0 and strings NULL.  Strings belong to
 * the call. */
struct into {
    int64_t *i64;
    double *f64;
    bool *boolean;
    const char **str;
};
static inline struct into into_i64(int64_t *p)
{
    return (struct into){.i64 = p};
}
static inline struct into into_f64(double *p)
{
    return (struct into){.f64 = p};
}
static inline struct into into_bool(bool *p)
{
    return (struct into){.boolean = p};
}
static inline struct into into_str(const char **p)
{
    return (struct into){.str = p};
}
#define TO(x) \
    _Generic((x), int64_t *: into_i64, double *: into_f64, bool *: into_bool,                      \
             const char **: into_str)(x)
#define INTO_1(a)       TO(a)
#define INTO_2(a, ...)  TO(a), INTO_1(__VA_ARGS__)
#define INTO_3(a, ...)  TO(a), INTO_2(__VA_ARGS__)
#define INTO_4(a, ...)  TO(a), INTO_3(__VA_ARGS__)
#define INTO_5(a, ...)  TO(a), INTO_4(__VA_ARGS__)
#define INTO_6(a, ...)  TO(a), INTO_5(__VA_ARGS__)
#define INTO_7(a, ...)  TO(a), INTO_6(__VA_ARGS__)
#define INTO_8(a, ...)  TO(a), INTO_7(__VA_ARGS__)
#define INTO_9(a, ...)  TO(a), INTO_8(__VA_ARGS__)
#define INTO_10(a, ...) TO(a), INTO_9(__VA_ARGS__)
#define INTO_11(a, ...) TO(a), INTO_10(__VA_ARGS__)
#define INTO_12(a, ...) TO(a), INTO_11(__VA_ARGS__)
#define INTO_OF(N)      INTO_##N
#define INTO_PASTE(N)   INTO_OF(N)
#define INTO(...)                                         \
    (const struct into[])                                 \
    {                                                     \
        INTO_PASTE(ARGS_COUNT(__VA_ARGS__))(__VA_ARGS__), \
        {                                                 \
            0                                             \
        }                                                 \
    }

struct db_config {
    const char *database;     /* conninfo without user */
    const char *role;         /* login role, "authd" */
    const char *schema;       /* search_path */
    int schema_version;       /* accepts this one and the next; 0: unchecked */
    int statement_timeout_ms; /* 0: none */
    const struct query *queries;
};

/* Connects.  DONE, UNAVAILABLE, or a fault. */
int db_open(const struct db_config *config, struct db **ret) __attribute__((warn_unused_result));
void db_close(struct db **db);

/* Prepares all statements; not in a transaction.  DONE, UNAVAILABLE, or a fault that names the bad
 * one. */
int db_prepare_all(struct db *db) __attribute__((warn_unused_result));

/* Whether the connection is usable; if not, tries once to connect again, but not more often than
 * each 100 ms. */
bool db_revive(struct db *db);

/* Statements of the process that take longer are logged by name; 0 (as it begins): none. */
void db_slow_limit(int64_t us);
/* Tells of a statement that took from begun_us (clock_us) until now, if that is too long. */
void db_slow_tell(const char *query, int64_t begun_us);

/* Whether the last use met no lost connection. */
bool db_usable(const struct db *db);

/* Whether a statement of the open transaction failed, so that only a rollback can follow. */
bool db_failed(const struct db *db);

/* Whether the server takes connections now: asks on one of its own, for two seconds at most. */
bool db_answers(const struct db_config *c);

/* Ends every connection of the process under the threads that use them: what they wait for fails as
 * with a lost connection, and nobody connects again before db_answers() was true.  For a process
 * that must end although its database does not answer. */
void db_cut_all(void);

/* The connection is lost: the next db_revive() connects again. */
void db_break(struct db *db);

/* What a failed result means: a deliberate status, UNAVAILABLE for a lost connection, BUSY for
 * contention (timeouts and a server short of memory or disk among it), or a fault (logged here).
 * `what` names the statement.  Lost connections are said once a second by the whole process. */
int db_error(struct db *db, const struct pg_result *res, const char *what);

/* The libpq values of n arguments. */
void args_values(size_t n, const struct arg *args, const char **ret);

/* The libpq connection, for code that pipelines. */
struct pg_conn *db_conn(struct db *db);
const struct query *db_query(const struct db *db, int query);
/* In pipeline mode: sends the statement, behind its preparation where it was not prepared yet
 * (*ret_prepares; it has a result of its own, and when it fails the connection is to be broken).
 * False: the connection is lost. */
bool db_send(struct db *db, int query, size_t n, const struct arg *args, bool *ret_prepares)
    __attribute__((warn_unused_result));

/* Runs a command that has no arguments and is not prepared: "BEGIN; SET LOCAL ...". */
int db_command(struct db *db, const char *sql) __attribute__((warn_unused_result));

/*
 * Transaction control; the runtime calls these around apply.  BEGIN is sent with the first
 * statement, and a statement given to db_with_commit() with COMMIT, so that both cost no round trip
 * of their own.  When db_commit() fails the transaction was rolled back, or, with a lost
 * connection, its fate is unknown.
 */
int db_begin(struct db *db) __attribute__((warn_unused_result));
int db_commit(struct db *db) __attribute__((warn_unused_result));
void db_rollback(struct db *db);
/* The last statement of the transaction, without rows; its arguments must live until db_commit().
 */
void db_with_commit(struct db *db, int query, size_t n, const struct arg *args);

/*
 * Each runs one statement with arguments from ARGS(...).  Deliberate results besides those named:
 * CONFLICT for a unique violation, and the status whose code is the message of an exception raised
 * with SQLSTATE P0001 ("limit_reached").
 */
/* First row -> the operation's reply object, or NOT_FOUND; sets c->new_id from a first column
 * that is a number. */
int db_one(struct call *c, int query, size_t n, const struct arg *args)
    __attribute__((warn_unused_result));
/* NOT_FOUND when no row was changed. */
int db_do(struct call *c, int query, size_t n, const struct arg *args)
    __attribute__((warn_unused_result));
/* First row -> C variables, or NOT_FOUND. */
int db_get(struct call *c, int query, size_t n, const struct arg *args, const struct into *into)
    __attribute__((warn_unused_result));
/* All rows, for handlers that walk them: rows_count(), rows_i64(), rows_str().  Owned by the caller
 * (rows_drop). */
int db_rows(struct call *c, int query, size_t n, const struct arg *args, struct pg_result **ret)
    __attribute__((warn_unused_result));
/* The same below the call: for threads of a daemon that serve no request. */
int db_run(struct db *db, int query, size_t n, const struct arg *args, struct pg_result **ret)
    __attribute__((warn_unused_result));

int rows_count(const struct pg_result *r);
int rows_columns(const struct pg_result *r);
int64_t rows_affected(const struct pg_result *r);
bool rows_null(const struct pg_result *r, int row, int column);
int64_t rows_i64(const struct pg_result *r, int row, int column);
bool rows_bool(const struct pg_result *r, int row, int column);
/* Points into r. */
const char *rows_str(const struct pg_result *r, int row, int column);
/* A bigint[] without NULLs; NULL is none.  More than IDS_MAX are cut off. */
void rows_ids(const struct pg_result *r, int row, int column, struct ids *ret);

/* A time as PostgreSQL writes it ("2026-11-23 02:43:50.123456+00") -> JSON string, RFC 3339. */
void time_json(struct text *out, const char *v, size_t n);

/* Row -> JSON object of a shape whose columns it has, appended to out. */
void row_json(struct text *out, const struct shape *shape, const struct pg_result *r, int row);

/* The first n rows -> JSON array of such objects. */
void rows_json(struct text *out, const struct shape *shape, const struct pg_result *r, int n);
