/* Commands that do what projectd does: its settings, its role. */
#include "deploy/admin/as_projectd.h"

#include "common/db.h"
#include "deploy/admin/connect.h"
#include "projectd/queries.h"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "projectd/queries.def"
    {0},
};

int projectd_connect(const struct console *con, struct conf **ret_conf, struct db **ret_db)
{
    static const struct identity projectd = {.svc = SVC_PROJECT,
                                             .role = "projectd",
                                             .schema = "project",
                                             .schema_version = PROJECT_SCHEMA_VERSION,
                                             .queries = queries};

    return console_connect(con, &projectd, ret_conf, ret_db);
}
