#pragma once
/*
 * The P-256 keys that sign access tokens (ES256), and how they rest in the database: the public key
 * as PEM, the private one sealed under SECRET_KEY together with its kid.
 *
 * The kid is the key's JWK thumbprint (RFC 7638), so a kid never names two keys, and a sealed
 * private key cannot be paired with another public one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authd/sealing.h"
#include "common/digest.h"

#define KID_SIZE         44  /* bytes with NUL */
#define PRIVATE_DER_MAX  256 /* of a P-256 key; it takes about 121 */
#define PRIVATE_SEAL_MAX (PRIVATE_DER_MAX + SEAL_OVERHEAD)
#define PUBLIC_PEM_MAX   256

struct db;
struct evp_pkey_st; /* EVP_PKEY */

struct signing_key {
    struct evp_pkey_st *key; /* may be used by several threads at once */
    char kid[KID_SIZE];
};

/* Makes a new key. */
struct signing_key *signing_key_new(void);
void signing_key_drop(struct signing_key **k);

/* The public key as PEM (SubjectPublicKeyInfo). */
void signing_key_pem(const struct signing_key *k, char ret[PUBLIC_PEM_MAX]);

/* The private key under `secret`; returns the sealed size. */
size_t signing_key_seal(const struct signing_key *k, const char *secret,
                        unsigned char ret[PRIVATE_SEAL_MAX]);

/* Opens a sealed private key.  False when the secret or kid is another one or it was changed. */
bool signing_key_unseal(const void *sealed, size_t size, const char *kid, const char *secret,
                        struct signing_key **ret) __attribute__((warn_unused_result));

/* Tells secrets apart without giving one away: stored beside each key. */
void secret_check_value(const char *secret, unsigned char ret[DIGEST_SIZE]);

/*
 * The newest stored key; the very first start makes one, and of two processes that start at once
 * only one does.  secret, path: see secret_key_load().
 * DONE; a fault when the secret cannot be had or is not the one of the stored keys; or what
 * db_run() says.
 */
int signing_key_open(struct db *db, const char *secret, const char *path, struct signing_key **ret)
    __attribute__((warn_unused_result));

#define SIGNING_KEYS_MAX 62 /* that verify, before another one is made; gateways keep 64 */

/*
 * In the caller's transaction: makes another key, which signs after some seconds.  Not if the
 * newest is younger than min_age seconds by now.  revoke: all others verify nothing from now on.
 * LIMIT_REACHED: SIGNING_KEYS_MAX verify; gateways would forget one whose tokens are still valid.
 */
int signing_key_add(struct db *db, const char *secret, const char *path, int64_t min_age,
                    bool revoke) __attribute__((warn_unused_result));

/* In the caller's transaction: whether the keys are sealed under this secret; false without keys.
 */
int signing_keys_are_under(struct db *db, const char *secret, bool *ret)
    __attribute__((warn_unused_result));

/* In the caller's transaction: seals all keys anew, under another secret (at least SECRET_KEY_MIN
 * characters). */
int signing_keys_reseal(struct db *db, const char *secret, const char *path, const char *next)
    __attribute__((warn_unused_result));

/* The same key once more; both are dropped. */
struct signing_key *signing_key_share(const struct signing_key *k);

/* The same inside the caller's transaction, which must be committed before the key is used. */
int signing_key_load(struct db *db, const char *secret, const char *path, struct signing_key **ret)
    __attribute__((warn_unused_result));
