/* Statements of a handler: what becomes of their rows. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/daemon.h"
#include "common/db.h"

/* A call that has no connection is lent one for this statement. */
int db_rows(struct call *c, int query, size_t n, const struct arg *args, PGresult **ret)
{
    struct db *lent = NULL;
    int r;

    if (c->db)
        return db_run(c->db, query, n, args, ret);
    r = db_lend(c->daemon, c->deadline_us, &lent);
    if (!r)
        r = db_run(lent, query, n, args, ret);
    db_return(c->daemon, &lent);
    return r;
}

/* NOT_FOUND without a row. */
static int row_first(struct call *c, int query, size_t n, const struct arg *args, PGresult **ret)
{
    int r = db_rows(c, query, n, args, ret);

    return r ? r : PQntuples(*ret) ? DONE : NOT_FOUND;
}

int db_one(struct call *c, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = row_first(c, query, n, args, &res);

    if (r)
        return r;
    c->new_id = c->op->out->fields[0].type == T_I64 ? rows_i64(res, 0, 0) : 0;
    text_clear(&c->out);
    row_json(&c->out, c->op->out, res, 0);
    return DONE;
}

int db_do(struct call *c, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = db_rows(c, query, n, args, &res);

    return r ? r : rows_affected(res) ? DONE : NOT_FOUND;
}

int db_get(struct call *c, int query, size_t n, const struct arg *args, const struct into *into)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = row_first(c, query, n, args, &res);

    if (r)
        return r;
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
