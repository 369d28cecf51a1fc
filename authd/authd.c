/* The state of an authd process: made at start, read by the handlers. */
#include "authd/authd.h"

#include <stdlib.h>
#include <string.h>

#include "authd/audit.h"
#include "authd/mail.h"
#include "authd/queries.h"
#include "authd/registration.h"
#include "authd/signing_keys.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/meters.h"
#include "common/relay.h"
#include "common/service.h"

void authd_hand_over(void *state)
{
    struct authd *a = state;

    atomic_store(&a->ends, true);
    relay_drop(&a->mailer);
}

const char *authd_note(void *state)
{
    const struct authd *a = state;

    return post_name(&a->post);
}

static void authd_drop(struct authd **a)
{
    if (!*a)
        return;
    authd_hand_over(*a);
    signing_key_drop(&(*a)->key);
    free(*a);
    *a = NULL;
}

void authd_reload(const struct conf *conf, void *state)
{
    struct authd *a = state;

    atomic_store(&a->token_seconds, conf_i64(conf, SET_ACCESS_TOKEN_MINUTES) * 60);
}

struct signing_key *authd_key(struct authd *a)
{
    struct signing_key *k;

    pthread_mutex_lock(&a->key_lock);
    k = signing_key_share(a->key);
    pthread_mutex_unlock(&a->key_lock);
    return k;
}

static void key_take(struct authd *a, struct signing_key **k)
{
    struct signing_key *old;

    pthread_mutex_lock(&a->key_lock);
    old = a->key;
    a->key = TAKE(*k);
    pthread_mutex_unlock(&a->key_lock);
    signing_key_drop(&old);
}

/* Another process, or the console, has made a key; its secret may be another one by now. */
static int key_follow(struct call *c, struct authd *a)
{
    cleanup(signing_key_drop) struct signing_key *newest = NULL;
    int r = signing_key_load(c->db, a->secret, a->secret_file, &newest);

    if (r)
        return r;
    log_line(LOG_LEVEL_NOTICE, "event=signing_key kid=%s", newest->kid);
    key_take(a, &newest);
    return DONE;
}

int authd_signer(struct call *c, struct signing_key **ret)
{
    struct authd *a = call_state(c);
    cleanup(signing_key_drop) struct signing_key *mine = authd_key(a);
    int64_t id;
    int r = db_get(c, Q_signing_key_stands, ARGS((const char *)mine->kid), INTO(&id));

    if (r == NOT_FOUND)
        r = key_follow(c, a);
    if (!r)
        *ret = authd_key(a);
    return r;
}

int key_tick(struct call *c)
{
    struct authd *a = call_state(c);
    cleanup(signing_key_drop) struct signing_key *mine = authd_key(a);
    const char *kid = NULL, *sealed, *check;
    int64_t age = 0, verifying = 0;
    int r = db_get(c, Q_signing_key_newest, NO_ARGS, INTO(&kid, &sealed, &check));

    if (r == NOT_FOUND || (!r && strcmp(kid, mine->kid) != 0))
        return key_follow(c, a);
    if (!r)
        r = db_do(c, Q_signing_key_retire, ARGS(kid, atomic_load(&a->token_seconds)));
    if (!r || r == NOT_FOUND)
        r = db_get(c, Q_signing_key_age, NO_ARGS, INTO(&age, &verifying));
    if (r || age < a->rotation_seconds || verifying >= SIGNING_KEYS_MAX)
        return r;
    r = signing_key_add(c->db, a->secret, a->secret_file, a->rotation_seconds, false);
    return r ? r : audit(c, "signing_key_made", 0, "", "");
}

/* DONE, or BAD_INPUT where one is wrong. */
static int settings_take(struct authd *a, const struct conf *conf)
{
    a->cost.memory_kib = (uint32_t)conf_i64(conf, SET_HASH_MEMORY);
    a->cost.passes = (uint32_t)conf_i64(conf, SET_HASH_PASSES);
    authd_reload(conf, a);
    a->rotation_seconds = conf_i64(conf, SET_KEY_ROTATION_MINUTES) * 60;
    a->secret = conf_str(conf, SET_SECRET_KEY);
    a->secret_file = conf_str(conf, SET_SECRET_KEY_FILE);
    a->registration = conf_str(conf, SET_REGISTRATION);
    a->registration_domains = conf_str(conf, SET_REGISTRATION_DOMAINS);
    a->site = conf_str(conf, SET_SITE_NAME);
    a->public_url = conf_str(conf, SET_PUBLIC_URL);
    a->language = conf_str(conf, SET_DEFAULT_LANGUAGE);
    a->verification_required = strcmp(conf_str(conf, SET_EMAIL_VERIFICATION), "required") == 0;
    post_open(conf, &a->post);
    if (!registration_is_domains(a->registration_domains)) {
        log_line(LOG_LEVEL_ERR,
                 "setting=REGISTRATION_DOMAINS detail=\"must be domains, separated by commas\"");
        return BAD_INPUT;
    }
    if (a->verification_required && a->post.way == POST_OFF) {
        log_line(LOG_LEVEL_ERR, "setting=EMAIL_VERIFICATION detail=\"needs mail: set MAIL_URL\"");
        return BAD_INPUT;
    }
    return DONE;
}

int authd_start(struct daemon *d, void **ret_state)
{
    cleanup(db_close) struct db *db = NULL;
    cleanup(authd_drop) struct authd *a = calloc(1, sizeof *a);
    int r;

    if (!a)
        abort();
    pthread_mutex_init(&a->key_lock, NULL);
    a->meters = daemon_meters(d);
    r = settings_take(a, daemon_conf(d));
    if (!r)
        r = daemon_db(d, &db);
    if (!r)
        r = signing_key_open(db, a->secret, a->secret_file, &a->key);
    if (!r)
        r = password_nobody(&a->cost, a->nobody);
    if (!r)
        r = relay_start(d, "mail", mail_deliver, a, &a->mailer);
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
