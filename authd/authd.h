#pragma once
/* What one authd process knows besides its database; nothing in it needs a lock. */
#include <stdatomic.h>
#include <stdint.h>

#include "authd/password.h"
#include "proto/api.h"

struct conf;
struct daemon;
struct signing_key;

struct authd {
    struct signing_key *key;                         /* signs access tokens */
    struct password_cost cost;                       /* of new hashes */
    char nobody[PASSWORD_HASH_MAX];                  /* verified for addresses without an account */
    atomic_int_fast64_t token_seconds;               /* life of an access token */
    const char *registration, *registration_domains; /* as set in files; owned by the settings */
};

/* The service's start and stop: settings, signing key, dummy hash.  DONE or a fault. */
int authd_start(struct daemon *d, void **ret_state);
void authd_reload(const struct conf *conf, void *state);
void authd_stop(void *state);

/* Threads per lane: HASH_THREADS of the lane that hashes passwords. */
int authd_workers(const struct conf *conf, enum lane lane);
