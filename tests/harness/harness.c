/* The stage of handler tests: one connection, one transaction, one call at a time. */
#include "tests/harness/harness.h"

#include <check.h>
#include <json-c/json.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/serve.h"

#define DEADLINE_US 30000000

static struct {
    struct service service;
    struct daemon daemon;
    struct db *db;
    struct call call;
    struct json_object *reply;
} stage;

void harness_open(const char *role, const char *schema, const struct query *queries, void *state)
{
    struct db_config config = {
        .database = getenv("CHATBOT_TEST_DATABASE"),
        .role = role,
        .schema = schema,
        .queries = queries,
    };

    if (!config.database)
        ck_abort_msg("CHATBOT_TEST_DATABASE is not set; run tests/run --only handlers");
    stage.service = (struct service){.name = role, .schema = schema, .queries = queries};
    stage.daemon.service = &stage.service;
    stage.daemon.state = state;
    ck_assert_int_eq(db_open(&config, &stage.db), DONE);
    ck_assert_int_eq(db_command(stage.db, "BEGIN"), DONE);
}

static void call_end(void)
{
    if (stage.call.undone)
        stage.call.undone(&stage.call, stage.call.settle_state);
    text_drop(&stage.call.out);
    text_drop(&stage.call.news);
    arena_drop(&stage.call.arena);
    if (stage.reply)
        json_object_put(stage.reply);
    stage.reply = NULL;
    stage.call = (struct call){0};
}

void harness_close(void)
{
    call_end();
    db_rollback(stage.db);
    db_close(&stage.db);
}

void harness_rollback(void)
{
    db_rollback(stage.db);
    ck_assert_int_eq(db_command(stage.db, "BEGIN"), DONE);
}

struct call *harness_call(enum op_id op, int64_t caller)
{
    call_end();
    stage.call = (struct call){
        .op = api_op(op),
        .caller = caller,
        .trace = "test",
        .address = "127.0.0.1",
        .deadline_us = clock_us() + DEADLINE_US,
        .daemon = &stage.daemon,
        .db = stage.db,
    };
    return &stage.call;
}

int harness_fast(struct call *c, int query, int64_t limit, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    struct arg all[16] = {arg_i64(c->caller)};
    int r;

    ck_assert_uint_lt(n, 16);
    if (n)
        memcpy(all + 1, args, n * sizeof *args);
    r = db_run(c->db, query, n + 1, all, &rows);
    return r ? r : call_rows(c, rows, limit);
}

const char *harness_sql(struct call *c, const char *sql)
{
    cleanup(rows_drop) PGresult *res = PQexec(db_conn(c->db), sql);
    ExecStatusType status = PQresultStatus(res);
    const char *value;

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        ck_abort_msg("%s: %s", sql, PQresultErrorMessage(res));
    if (PQntuples(res) == 0 || PQgetisnull(res, 0, 0))
        return NULL;
    value = PQgetvalue(res, 0, 0);
    return arena_strndup(&c->arena, value, strlen(value));
}

const char *harness_sql_error(struct call *c, const char *sql)
{
    const char *state;

    harness_sql(c, "SAVEPOINT harness");
    {
        cleanup(rows_drop) PGresult *res = PQexec(db_conn(c->db), sql);
        state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
        if (!state)
            ck_abort_msg("%s: did not fail", sql);
        state = arena_strndup(&c->arena, state, strlen(state));
    }
    harness_sql(c, "ROLLBACK TO harness");
    return state;
}

struct json_object *harness_reply(struct call *c)
{
    if (!stage.reply && c->out.size)
        stage.reply = json_tokener_parse(c->out.data);
    return stage.reply;
}

static struct json_object *member(struct call *c, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(harness_reply(c), name, &value))
        ck_abort_msg("no %s in the reply %s", name, c->out.size ? c->out.data : "(empty)");
    return value;
}

int64_t reply_i64(struct call *c, const char *name)
{
    struct json_object *value = member(c, name);

    ck_assert_msg(json_object_is_type(value, json_type_int), "%s is no integer", name);
    return json_object_get_int64(value);
}

const char *reply_str(struct call *c, const char *name)
{
    struct json_object *value = member(c, name);

    ck_assert_msg(json_object_is_type(value, json_type_string), "%s is no string", name);
    return json_object_get_string(value);
}

bool reply_is_null(struct call *c, const char *name)
{
    return member(c, name) == NULL;
}
