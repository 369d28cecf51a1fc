/* The state of an authd process: made at start, read by the handlers. */
#include "authd/authd.h"

#include <stdlib.h>

#include "authd/registration.h"
#include "authd/signing_keys.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/service.h"

static void authd_drop(struct authd **a)
{
    if (!*a)
        return;
    signing_key_drop(&(*a)->key);
    free(*a);
    *a = NULL;
}

void authd_reload(const struct conf *conf, void *state)
{
    struct authd *a = state;

    atomic_store(&a->token_seconds, conf_i64(conf, SET_ACCESS_TOKEN_MINUTES) * 60);
}

int authd_start(struct daemon *d, void **ret_state)
{
    const struct conf *conf = daemon_conf(d);
    cleanup(db_close) struct db *db = NULL;
    cleanup(authd_drop) struct authd *a = calloc(1, sizeof *a);
    int r;

    if (!a)
        abort();
    a->cost.memory_kib = (uint32_t)conf_i64(conf, SET_HASH_MEMORY);
    a->cost.passes = (uint32_t)conf_i64(conf, SET_HASH_PASSES);
    authd_reload(conf, a);
    a->registration = conf_str(conf, SET_REGISTRATION);
    a->registration_domains = conf_str(conf, SET_REGISTRATION_DOMAINS);
    if (!registration_is_domains(a->registration_domains)) {
        log_line(LOG_LEVEL_ERR,
                 "setting=REGISTRATION_DOMAINS detail=\"must be domains, separated by commas\"");
        return BAD_INPUT;
    }
    r = daemon_db(d, &db);
    if (!r)
        r = signing_key_open(db, conf_str(conf, SET_SECRET_KEY),
                             conf_str(conf, SET_SECRET_KEY_FILE), &a->key);
    if (!r)
        r = password_nobody(&a->cost, a->nobody);
    if (r)
        return r;
    *ret_state = TAKE(a);
    return DONE;
}

int authd_workers(const struct conf *conf, enum lane lane)
{
    switch (lane) {
    case LANE_HASH:
        return (int)conf_i64(conf, SET_HASH_THREADS);
    case LANE_WRITE:
        return 2;
    case LANE_FAST:
    case LANE_SLOW:
        return 1;
    default:
        return 0;
    }
}

void authd_stop(void *state)
{
    struct authd *a = state;

    authd_drop(&a);
}
