/* Public keys of other hosts' daemons. */
#include "gateway/broker/keyring.h"

#include <string.h>

#include "common/cleanup.h"

void keyring_init(struct keyring *k)
{
    *k = (struct keyring){0};
    pthread_mutex_init(&k->lock, NULL);
}

/* service=KEY; NULL, or what is wrong. */
static const char *key_add(struct keyring *k, const char *item, size_t size)
{
    const char *equals = memchr(item, '=', size);
    size_t n = equals ? (size_t)(equals - item) : size;
    char name[16] = "";
    struct curve_key key;
    int svc;

    if (!equals || n >= sizeof name)
        return "must be service=KEY, separated by spaces";
    memcpy(name, item, n);
    svc = api_svc_named(name);
    if (svc < 0 || svc >= SVC_GATEWAY)
        return "names a service that is none of auth, project, chat, file";
    if (!curve_key_read(equals + 1, size - n - 1, &key))
        return "has a key that is not 64 hexadecimal digits";
    /* else the weaker one would have the stronger one's rights */
    if (keyring_knows(k, &key))
        return "has the same key twice; each process needs its own";
    if (k->count == KEYRING_MAX)
        return "has too many keys";
    k->keys[k->count].svc = (enum svc)svc;
    k->keys[k->count++].key = key;
    return NULL;
}

bool keyring_read(struct keyring *k, const char *list, const char **reterr_why)
{
    struct keyring fresh;
    const char *why = NULL;

    keyring_init(&fresh);
    for (const char *at = list; !why && *(at += strspn(at, " ")); at += strcspn(at, " "))
        why = key_add(&fresh, at, strcspn(at, " "));
    pthread_mutex_destroy(&fresh.lock);
    if (why) {
        *reterr_why = why;
        return false;
    }
    pthread_mutex_lock(&k->lock);
    k->count = fresh.count;
    memcpy(k->keys, fresh.keys, sizeof k->keys);
    pthread_mutex_unlock(&k->lock);
    return true;
}

/* svc SVC_COUNT: any. */
static bool keyring_has(struct keyring *k, enum svc svc, const struct curve_key *key)
{
    bool found = false;

    pthread_mutex_lock(&k->lock);
    for (unsigned i = 0; i < k->count && !found; i++)
        found = (svc == SVC_COUNT || k->keys[i].svc == svc) && curve_key_same(&k->keys[i].key, key);
    pthread_mutex_unlock(&k->lock);
    return found;
}

bool keyring_allows(struct keyring *k, enum svc svc, const struct curve_key *key)
{
    return keyring_has(k, svc, key);
}

bool keyring_knows(struct keyring *k, const struct curve_key *key)
{
    return keyring_has(k, SVC_COUNT, key);
}
