/*
 * filed: will own uploaded files (schema file); today it serves no operation and only tells the
 * gateways that it is there.
 */
#define SERVE_FILE
#include "filed/queries.h"
#include "proto/handlers.h"

#include "common/db.h"
#include "common/service.h"

static const struct query queries[] = {
    {0},
};

int main(int argc, char **argv)
{
    static const struct service filed = {
        .name = "filed",
        .svc = SVC_FILE,
        .schema = "file",
        .schema_version = 1,
        .handlers = handlers,
        .queries = queries,
        .workers = {[LANE_FAST] = 1, [LANE_WRITE] = 1},
    };

    return service_main(&filed, argc, argv);
}
