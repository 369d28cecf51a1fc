#pragma once
/* What one authd process knows besides its database. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "authd/mail/post.h"
#include "authd/password.h"
#include "proto/api.h"

struct call;
struct conf;
struct daemon;
struct signing_key;

#define KEY_TICK_MS 1000

struct authd {
    pthread_mutex_t key_lock;          /* of key */
    struct signing_key *key;           /* signs access tokens; see authd_key() */
    struct password_cost cost;         /* of new hashes */
    char nobody[PASSWORD_HASH_MAX];    /* verified for addresses without an account */
    atomic_int_fast64_t token_seconds; /* life of an access token */
    int64_t rotation_seconds;          /* age at which the key gets a successor */
    int64_t audit_told, audit_told_us; /* head of the audit that the journal knows; the task's */
    const char *registration, *registration_domains; /* as set in files; owned by the settings */
    const char *secret, *secret_file;                /* likewise: SECRET_KEY, SECRET_KEY_FILE */
    const char *site, *public_url, *language;
    bool verification_required;
    /* mails; of the mailer's thread from its start on, but for what is constant */
    struct post post;
    struct relay *mailer;
    struct meters *meters;
    int64_t mail_meter_due_us, mail_sweep_due_us;
    atomic_bool ends;
};

/* The service's start and stop: settings, signing key, dummy hash.  DONE or a fault. */
int authd_start(struct daemon *d, void **ret_state);
void authd_reload(const struct conf *conf, void *state);
void authd_stop(void *state);

/* The key that signed last, for the caller (signing_key_drop). */
struct signing_key *authd_key(struct authd *a);

/*
 * In a call's transaction: the key to sign with.  One that was revoked a moment ago, which key_tick
 * has not noticed yet, would make tokens that nobody ever takes.  DONE, or what db_run() says.
 */
int authd_signer(struct call *c, struct signing_key **ret) __attribute__((warn_unused_result));

/* Periodic: takes the key that signs from the database, and makes its successor when it is time. */
int key_tick(struct call *c);

/* The service's hand_over: mails go on with the next process. */
void authd_hand_over(void *state);

/* "smtp", "files" or "off": where mails go. */
const char *authd_note(void *state);

/* Threads per lane: HASH_THREADS of the lane that hashes passwords. */
int authd_workers(const struct conf *conf, enum lane lane);
