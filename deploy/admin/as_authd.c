/* Commands that do what authd does: its settings, its role, one transaction. */
#include "deploy/admin/as_authd.h"

#include <stdio.h>
#include <stdlib.h>

#include "authd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/connect.h"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "authd/queries.def"
    {0},
};

int authd_connect(const struct console *con, struct conf **ret_conf, struct db **ret_db)
{
    static const struct identity authd = {.svc = SVC_AUTH,
                                          .role = "authd",
                                          .schema = "auth",
                                          .schema_version = AUTH_SCHEMA_VERSION,
                                          .queries = queries};

    return console_connect(con, &authd, ret_conf, ret_db);
}

static int committed(struct call *c, const struct conf *conf, const struct console *con,
                     authd_work *work)
{
    int r = db_begin(c->db);

    if (r)
        return r;
    r = work(c, conf, con);
    if (!r)
        return db_commit(c->db);
    db_rollback(c->db);
    return r;
}

int as_authd(const struct console *con, enum op_id op, authd_work *work)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    struct call c = {.op = api_op(op), .address = "console"};
    int status = EXIT_SUCCESS, r;

    if ((r = authd_connect(con, &conf, &db)) != 0)
        return r;
    c.db = db;
    r = committed(&c, conf, con, work);
    if (r > 0)
        status = console_fail(con->count ? con->arguments[0] : con->command,
                              c.detail ? c.detail : api_text(r));
    else if (r < 0)
        status = EXIT_FAILURE; /* said where it arose */
    fflush(stdout);
    text_drop(&c.out);
    text_drop(&c.news);
    arena_drop(&c.arena);
    return status;
}
