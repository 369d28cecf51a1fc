#pragma once
/* Public keys of other hosts' daemons, and the one service that each may serve.  Any thread. */
#include <pthread.h>
#include <stdbool.h>

#include "common/curve.h"
#include "proto/api.h"

#define KEYRING_MAX 256

struct keyring {
    pthread_mutex_t lock;
    unsigned count;
    struct {
        enum svc svc;
        struct curve_key key;
    } keys[KEYRING_MAX];
};

void keyring_init(struct keyring *k);
/* Takes a list like BUS_PEERS in the place of what was there.  False: it is wrong, *reterr_why is
 * set, and k is as it was. */
bool keyring_read(struct keyring *k, const char *list, const char **reterr_why);
/* Whether the key may serve that service. */
bool keyring_allows(struct keyring *k, enum svc svc, const struct curve_key *key);
/* Whether it may serve any. */
bool keyring_knows(struct keyring *k, const struct curve_key *key);
