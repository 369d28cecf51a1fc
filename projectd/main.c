/*
 * projectd: owns projects and the prompts attached to them (schema project).
 *
 * It holds no secret and calls nobody.  Whoever takes it over can read and change every project and
 * prompt, but no account, message or file.
 */
#include "projectd/queries.h"

#define SERVE_PROJECT
#include "proto/handlers.h"

#include "common/db.h"
#include "common/service.h"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "projectd/queries.def"
    {0},
};

int main(int argc, char **argv)
{
    static const struct service projectd = {
        .name = "projectd",
        .svc = SVC_PROJECT,
        .schema = "project",
        .schema_version = PROJECT_SCHEMA_VERSION,
        .outbox = true,
        .handlers = handlers,
        .queries = queries,
        .workers = {[LANE_FAST] = 1, [LANE_WRITE] = 4, [LANE_BULK] = 2},
    };

    return service_main(&projectd, argc, argv);
}
