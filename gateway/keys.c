/* The public keys that tokens may be signed with. */
#include "gateway/keys.h"

#include <json-c/json.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/json.h"
#include "common/text.h"
#include "common/token.h"
#include "proto/api.h"

#define FETCH_BURST 10 /* then one a second */
#define NEVER_TOLD  UINT64_MAX

struct key {
    char kid[64];
    EVP_PKEY *public;
};

struct keys {
    pthread_rwlock_t lock;
    struct key keys[KEYS_MAX];
    size_t count;
    pthread_mutex_t fetch_lock;
    double fetches; /* left */
    int64_t fetch_us;
    atomic_uint_fast64_t asked;
    int result;                            /* of the last time */
    atomic_uint_fast64_t changes, fetched; /* of the keys at authd, as told and as known */
};

struct keys *keys_new(void)
{
    struct keys *k = calloc(1, sizeof *k);

    if (!k)
        abort();
    pthread_rwlock_init(&k->lock, NULL);
    pthread_mutex_init(&k->fetch_lock, NULL);
    k->fetches = FETCH_BURST;
    atomic_init(&k->changes, NEVER_TOLD); /* there are some that nobody has asked for */
    return k;
}

static void keys_clear(struct key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        EVP_PKEY_free(keys[i].public);
}

void keys_drop(struct keys **k)
{
    if (!*k)
        return;
    keys_clear((*k)->keys, (*k)->count);
    free(*k);
    *k = NULL;
}

struct finder {
    const struct keys *keys;
    bool unknown;
};

static struct evp_pkey_st *key_find(void *state, const char *kid)
{
    struct finder *f = state;

    for (size_t i = 0; i < f->keys->count; i++)
        if (strcmp(f->keys->keys[i].kid, kid) == 0)
            return f->keys->keys[i].public;
    f->unknown = true;
    return NULL;
}

int keys_verify(struct keys *k, const char *token, size_t size, int64_t wall,
                struct token_claims *ret, const char **reterr_why, bool *reterr_kid_unknown)
{
    struct finder finder = {.keys = k};
    int r;

    pthread_rwlock_rdlock(&k->lock);
    r = token_verify(token, size, wall, key_find, &finder, ret, reterr_why);
    pthread_rwlock_unlock(&k->lock);
    *reterr_kid_unknown = finder.unknown;
    return r;
}

bool keys_miss(struct keys *k, const char *token, size_t size, int64_t wall)
{
    struct token_claims claims;
    const char *why;
    bool unknown;

    return keys_verify(k, token, size, wall, &claims, &why, &unknown) != DONE && unknown;
}

uint64_t keys_asked(struct keys *k)
{
    return atomic_load(&k->asked);
}

/* Under fetch_lock. */
static bool may_fetch(struct keys *k, int64_t now_us)
{
    if (k->fetch_us)
        k->fetches += (double)(now_us - k->fetch_us) / 1e6;
    if (k->fetches > FETCH_BURST)
        k->fetches = FETCH_BURST;
    k->fetch_us = now_us;
    if (k->fetches < 1)
        return false;
    k->fetches -= 1;
    return true;
}

int keys_refresh(struct keys *k, uint64_t asked, int64_t now_us, int (*fetch)(void *state),
                 void *state)
{
    int r = DONE;

    pthread_mutex_lock(&k->fetch_lock);
    if (atomic_load(&k->asked) != asked) {
        r = k->result;
    } else if (may_fetch(k, now_us)) {
        atomic_fetch_add(&k->asked, 1); /* who comes while we ask may know a newer key: no 401 */
        r = k->result = fetch(state);
    }
    pthread_mutex_unlock(&k->fetch_lock);
    return r;
}

static int key_read(struct json_object *row, struct key *ret)
{
    const char *kid = json_str(row, "kid", ""), *pem = json_str(row, "pem", "");
    BIO *bio = BIO_new_mem_buf(pem, -1);

    snprintf(ret->kid, sizeof ret->kid, "%s", kid);
    ret->public = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!ret->public || !kid[0] || strlen(kid) >= sizeof ret->kid) {
        EVP_PKEY_free(ret->public);
        return FAULT("authd sent a key that is none");
    }
    return DONE;
}

bool keys_news(struct keys *k, uint64_t changes)
{
    atomic_store(&k->changes, changes + 1);
    return atomic_load(&k->fetched) != changes + 1;
}

int keys_renew(struct keys *k, int (*fetch)(void *state), void *state)
{
    uint64_t changes;
    int r = DONE;

    if (atomic_load(&k->changes) == atomic_load(&k->fetched))
        return DONE;
    pthread_mutex_lock(&k->fetch_lock);
    changes = atomic_load(&k->changes);
    if (changes != atomic_load(&k->fetched)) {
        r = fetch(state);
        if (r == DONE)
            atomic_store(&k->fetched, changes);
    }
    pthread_mutex_unlock(&k->fetch_lock);
    return r;
}

static bool has_kid(const struct key *keys, size_t count, const char *kid)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].kid, kid) == 0)
            return true;
    return false;
}

/* RFC 7518, 6.2.1 */
static void jwk_write(const struct key *k, struct text *to)
{
    unsigned char point[65];
    char x[48], y[48];
    size_t size = 0;

    if (EVP_PKEY_get_octet_string_param(k->public, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                        &size) != 1 ||
        size != sizeof point)
        return;
    base64url_encode(point + 1, 32, x);
    base64url_encode(point + 33, 32, y);
    text_puts(to, to->data[to->size - 1] == '[' ? "{" : ",{");
    text_member_str(to, "kty", "EC");
    text_member_str(to, "crv", "P-256");
    text_member_str(to, "x", x);
    text_member_str(to, "y", y);
    text_member_str(to, "use", "sig");
    text_member_str(to, "alg", "ES256");
    text_member_str(to, "kid", k->kid);
    text_putc(to, '}');
}

void keys_jwks(struct keys *k, struct text *to)
{
    text_puts(to, "{\"keys\":[");
    pthread_rwlock_rdlock(&k->lock);
    for (size_t i = 0; i < k->count; i++)
        jwk_write(&k->keys[i], to);
    pthread_rwlock_unlock(&k->lock);
    text_puts(to, "]}");
}

int keys_set(struct keys *k, struct json_object *list, bool *ret_lost)
{
    struct key fresh[KEYS_MAX], old[KEYS_MAX];
    size_t count = 0, old_count;
    int r = json_object_is_type(list, json_type_array) ? DONE : FAULT("authd sent no list of keys");

    for (size_t i = 0; r == DONE && i < json_object_array_length(list) && count < KEYS_MAX; i++)
        if ((r = key_read(json_object_array_get_idx(list, i), &fresh[count])) == DONE)
            count++;
    if (r < 0) {
        keys_clear(fresh, count);
        return r;
    }
    pthread_rwlock_wrlock(&k->lock);
    old_count = k->count;
    memcpy(old, k->keys, sizeof old);
    memcpy(k->keys, fresh, count * sizeof *fresh);
    k->count = count;
    *ret_lost = false;
    for (size_t i = 0; i < old_count; i++)
        *ret_lost |= !has_kid(fresh, count, old[i].kid);
    pthread_rwlock_unlock(&k->lock);
    keys_clear(old, old_count);
    return DONE;
}
