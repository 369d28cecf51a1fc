/*
 * authd: accounts, sessions and the keys that sign tokens.
 *
 * Owns schema auth, SECRET_KEY and the mail server's password; mails are its only outward calls.
 * It alone sees passwords and keeps them only as Argon2id hashes; refresh tokens only as SHA-256.
 * A compromise of this process gives everything that accounts protect: it can sign a token for any
 * user, and it sees the passwords that are typed while it lasts.  Its database role alone, without
 * SECRET_KEY, can add a session or a verification key of its own and so become any user, but it
 * cannot read a password or the signing key.  Neither reaches another schema or the provider's key.
 */
#define SERVE_AUTH
#include "authd/queries.h"
#include "proto/handlers.h"

#include "authd/audit_chain.h"
#include "authd/authd.h"
#include "authd/erasure.h"
#include "authd/meters.h"
#include "authd/revocations.h"
#include "authd/sessions.h"
#include "common/db.h"
#include "common/priority.h"
#include "common/service.h"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "authd/queries.def"
    {0},
};

static const struct meter meters[] = {
#define METER METER_ROW
#include "authd/meters.def"
    {0},
};

static const struct task tasks[] = {
    {"revocation_tick", REVOCATION_TICK_MS, revocation_tick},
    {"session_sweep", 10000, session_sweep},
    {"key_tick", KEY_TICK_MS, key_tick},
    {"erasure_tick", 1000, erasure_tick},
    {"audit_tick", 250, audit_tick},
    {"audit_expire", 60000, audit_expire},
    {0},
};

int main(int argc, char **argv)
{
    static const struct service authd = {
        .name = "authd",
        .svc = SVC_AUTH,
        .schema = "auth",
        .schema_version = AUTH_SCHEMA_VERSION,
        .outbox = true,
        .handlers = handlers,
        .queries = queries,
        .workers = {[LANE_FAST] = 1, [LANE_SLOW] = 1, [LANE_WRITE] = 2, [LANE_HASH] = 4},
        .workers_of = authd_workers,
        .tasks = tasks,
        .check = post_check,
        .start = authd_start,
        .reload = authd_reload,
        .hand_over = authd_hand_over,
        .note = authd_note,
        .meters = meters,
        .stop = authd_stop,
    };

    priority_lower_process(7); /* a flood of log-ins leaves the processors to the chats */
    return service_main(&authd, argc, argv);
}
