/* Shapes against SQL: a statement that answers with a shape has its columns, in order and type. */
#include <check.h>
#include <libpq-fe.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/db.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

static const struct query authd_queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "authd/queries.def"
    {0},
};
static const struct query projectd_queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "projectd/queries.def"
    {0},
};
static const struct query chatd_queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static const struct {
    const char *role, *schema;
    enum svc svc;
    const struct query *queries;
} daemons[] = {
    {"authd", "auth", SVC_AUTH, authd_queries},
    {"projectd", "project", SVC_PROJECT, projectd_queries},
    {"chatd", "chat", SVC_CHAT, chatd_queries},
};

/* Statements of handlers, whose rows become the reply of an operation. */
static const struct {
    enum op_id op;
    const char *query;
} replies[] = {
    {OP_project_create, "project_insert"}, {OP_project_update, "project_change"},
    {OP_prompt_create, "prompt_insert"},   {OP_prompt_update, "prompt_change"},
    {OP_turn_get, "turn_finished"},        {OP_conversation_update, "conversation_change"},
    {OP_message_feedback, "message_rate"},
};

/* Type oids of pg_type that may stand for a field's type. */
static bool is_type(enum type type, Oid oid)
{
    switch (type) {
    case T_I64:
        return oid == 20 || oid == 23;
    case T_F64:
        return oid == 701;
    case T_STR:
    case T_SECRET:
        return oid == 25;
    case T_BOOL:
        return oid == 16;
    case T_TIME:
        return oid == 1184;
    case T_IDS:
    case T_JSON:
    case T_OBJECT:
        return oid == 114 || oid == 3802;
    case T_END:
        return false;
    }
    return false;
}

/* behind: what a column behind the shape's may be called. */
static void check_columns(PGconn *pg, const char *query, const struct shape *shape,
                          const char *behind)
{
    cleanup(rows_drop) PGresult *res = PQdescribePrepared(pg, query);
    int column = 0;

    ck_assert_msg(PQresultStatus(res) == PGRES_COMMAND_OK, "%s is not prepared", query);
    for (const struct field *f = shape->fields; f->name; f++, column++) {
        ck_assert_msg(column < PQnfields(res), "%s has no column for %s.%s", query, shape->name,
                      f->name);
        ck_assert_msg(is_type(f->type, PQftype(res, column)),
                      "%s: column %d has type %u, not %s.%s", query, column + 1,
                      PQftype(res, column), shape->name, f->name);
        /* a name that PostgreSQL made up says nothing; any other must be the field's */
        if (strcmp(PQfname(res, column), "?column?") != 0 &&
            strcmp(PQfname(res, column), "case") != 0 &&
            strcmp(PQfname(res, column), "coalesce") != 0 &&
            strcmp(PQfname(res, column), "content") != 0)
            ck_assert_str_eq(PQfname(res, column), f->name);
    }
    if (column + 1 == PQnfields(res) && strcmp(PQfname(res, column), behind) == 0)
        column++;
    ck_assert_msg(column == PQnfields(res), "%s has %d columns, %s has %d fields", query,
                  PQnfields(res), shape->name, column);
}

START_TEST(columns_are_the_shape)
{
    struct call *c;
    int checked = 0;

    harness_open(daemons[_i].role, daemons[_i].schema, daemons[_i].queries, NULL);
    c = harness_call(OP_turn_get, 1);
    ck_assert_int_eq(db_prepare_all(c->db), DONE);
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        if (op->svc != daemons[_i].svc || op->lane != LANE_FAST)
            continue;
        check_columns(db_conn(c->db), op->name, op->out, "owner");
        checked++;
    }
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        const struct op *op = api_op(replies[i].op);
        if (op->svc != daemons[_i].svc)
            continue;
        check_columns(db_conn(c->db), replies[i].query, op->out, "waits");
        checked++;
    }
    ck_assert_int_gt(checked, 0);
    harness_close();
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("columns");

    tcase_add_loop_test(t, columns_are_the_shape, 0, sizeof daemons / sizeof *daemons);
    return check_run("shapes", t);
}
