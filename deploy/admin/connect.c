/* The database, in the name of a daemon. */
#include "deploy/admin/connect.h"

#include <stdlib.h>

#include "common/conf.h"
#include "common/db.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"

#define TIMEOUT_MS 10000

int console_connect(const struct console *con, const struct identity *as, struct conf **ret_conf,
                    struct db **ret_db)
{
    int r = conf_load(as->svc, "chatbot-admin", con->option_count, con->options, ret_conf);

    if (r)
        return r;
    const struct db_config config = {.database = conf_str(*ret_conf, SET_DATABASE),
                                     .role = as->role,
                                     .schema = as->schema,
                                     .schema_version = as->schema_version,
                                     .statement_timeout_ms = TIMEOUT_MS,
                                     .queries = as->queries};
    return db_open(&config, ret_db) == DONE ? EXIT_SUCCESS
                                            : console_fail("the database does not answer", NULL);
}
