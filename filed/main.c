/*
 * filed: owns uploaded files (schema file), their contents in the blob directory, their copies at
 * the model provider, and the archives of accounts.
 *
 * It holds the provider's key.  Whoever takes it over can read and change every file, read, as it
 * exports accounts, every project and conversation, and spend the provider's money; it reaches no
 * account's password, and changes no conversation.
 */
#include "filed/queries.h"
#include "filed/schema.h"

#define SERVE_FILE
#include "proto/handlers.h"

#include "common/db.h"
#include "common/service.h"
#include "filed/collector.h"
#include "filed/exports.h"
#include "filed/process.h"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "filed/queries.def"
    {0},
};

static const struct task tasks[] = {
    {"blobs_collect", 5000, blobs_collect},
    {"exports_expire", 5000, exports_expire},
    {0},
};

int main(int argc, char **argv)
{
    static const struct service filed = {
        .name = "filed",
        .svc = SVC_FILE,
        .schema = "file",
        .schema_version = FILE_SCHEMA_VERSION,
        .outbox = true,
        .handlers = handlers,
        .queries = queries,
        .workers = {[LANE_FAST] = 1, [LANE_SLOW] = 2, [LANE_WRITE] = 2, [LANE_BULK] = 16},
        .tasks = tasks,
        .start = filed_start,
        .reload = filed_reload,
        .drain = filed_drain,
        .stop = filed_stop,
    };

    return service_main(&filed, argc, argv);
}
