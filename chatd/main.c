/*
 * chatd: owns conversations, messages and turns (schema chat), and talks to the model provider.
 *
 * It holds the provider's key.  Whoever takes it over can read and change every conversation and
 * spend the provider's money; it reaches no account, password or file.
 */
#include "chatd/queries.h"
#include "chatd/schema.h"

#define SERVE_CHAT
#include "proto/handlers.h"

#include "chatd/erase.h"
#include "chatd/import.h"
#include "chatd/meters.h"
#include "chatd/process.h"
#include "chatd/search.h"
#include "chatd/titles.h"
#include "common/db.h"
#include "common/service.h"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static const struct meter meters[] = {
#define METER METER_ROW
#include "chatd/meters.def"
    {0},
};

static const struct task tasks[] = {
    {"conversations_erase", 1000, conversations_erase},
    {"conversations_expire", 10000, conversations_expire},
    {"titles_make", 1000, titles_make},
    {"search_fill", 1000, search_fill},
    {"imports_sweep", 60000, imports_sweep},
    {0},
};

static const char *const follows[] = {"queue", "project", "cancel", NULL};

int main(int argc, char **argv)
{
    static const struct service chatd = {
        .name = "chatd",
        .svc = SVC_CHAT,
        .schema = "chat",
        .schema_version = CHAT_SCHEMA_VERSION,
        .outbox = true,
        .handlers = handlers,
        .queries = queries,
        .meters = meters,
        .workers = {[LANE_FAST] = 1, [LANE_SLOW] = 2, [LANE_WRITE] = 6, [LANE_BULK] = 4},
        .tasks = tasks,
        .start = chatd_start,
        .drain = chatd_drain,
        .hand_over = chatd_hand_over,
        .stop = chatd_stop,
        .follows = follows,
        .note = chatd_note,
        .event = chatd_event,
    };

    return service_main(&chatd, argc, argv);
}
