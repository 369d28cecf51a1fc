#pragma once
/* The database, in the name of a daemon. */
#include "proto/api.h"

struct conf;
struct console;
struct db;
struct query;

struct identity {
    enum svc svc;
    const char *role, *schema;
    int schema_version; /* see struct db_config */
    const struct query *queries;
};

/* The daemon's settings and a connection as its role, both the caller's; returns the exit status.
 */
int console_connect(const struct console *con, const struct identity *as, struct conf **ret_conf,
                    struct db **ret_db);
