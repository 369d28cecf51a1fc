/* Signing keys: made once, sealed under SECRET_KEY, opened at start. */
#include "authd/signing_keys.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authd/queries.h"
#include "authd/secret_key.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/log.h"

#define KEY_LABEL   "chatbot signing key 1"
#define CHECK_LABEL "chatbot secret check 1"
#define POINT_SIZE  65 /* an uncompressed point: 04, x, y */

static void bio_drop(BIO **b)
{
    BIO_free(*b);
    *b = NULL;
}

void signing_key_drop(struct signing_key **k)
{
    if (!*k)
        return;
    EVP_PKEY_free((*k)->key);
    free(*k);
    *k = NULL;
}

/* Base64url of SHA-256 over the canonical JWK (RFC 7638, section 3). */
static void thumbprint(EVP_PKEY *key, char ret[KID_SIZE])
{
    unsigned char point[POINT_SIZE], digest[DIGEST_SIZE];
    char x[48], y[48], jwk[192];
    size_t size = 0;

    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) !=
            1 ||
        size != POINT_SIZE || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        abort();
    base64url_encode(point + 1, 32, x);
    base64url_encode(point + 33, 32, y);
    snprintf(jwk, sizeof jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
    digest_sha256(jwk, strlen(jwk), digest);
    base64url_encode(digest, sizeof digest, ret);
}

/* Takes the key over. */
static struct signing_key *key_wrap(EVP_PKEY *key)
{
    struct signing_key *k = calloc(1, sizeof *k);

    if (!k || !key)
        abort();
    k->key = key;
    thumbprint(key, k->kid);
    return k;
}

struct signing_key *signing_key_new(void)
{
    return key_wrap(EVP_EC_gen("P-256"));
}

void signing_key_pem(const struct signing_key *k, char ret[PUBLIC_PEM_MAX])
{
    cleanup(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    int n;

    if (!bio || PEM_write_bio_PUBKEY(bio, k->key) != 1)
        abort();
    n = BIO_read(bio, ret, PUBLIC_PEM_MAX - 1);
    if (n <= 0 || BIO_ctrl_pending(bio))
        abort();
    ret[n] = '\0';
}

/* What a sealed key is bound to. */
static void bound_text(const char *kid, char ret[96])
{
    snprintf(ret, 96, KEY_LABEL ":%s", kid);
}

size_t signing_key_seal(const struct signing_key *k, const char *secret,
                        unsigned char ret[PRIVATE_SEAL_MAX])
{
    unsigned char sealer[SEAL_KEY_SIZE], der[PRIVATE_DER_MAX], *end = der;
    char bound[96];
    int size = i2d_PrivateKey(k->key, NULL);

    if (size <= 0 || size > PRIVATE_DER_MAX || i2d_PrivateKey(k->key, &end) != size)
        abort();
    bound_text(k->kid, bound);
    seal_key_derive(secret, KEY_LABEL, sealer);
    seal(sealer, bound, der, (size_t)size, ret);
    secret_wipe(sealer, sizeof sealer);
    secret_wipe(der, sizeof der);
    return (size_t)size + SEAL_OVERHEAD;
}

bool signing_key_unseal(const void *sealed, size_t size, const char *kid, const char *secret,
                        struct signing_key **ret)
{
    cleanup(signing_key_drop) struct signing_key *k = NULL;
    unsigned char sealer[SEAL_KEY_SIZE], der[PRIVATE_DER_MAX];
    const unsigned char *at = der;
    char bound[96];
    bool good;

    if (size < SEAL_OVERHEAD || size > PRIVATE_SEAL_MAX)
        return false;
    bound_text(kid, bound);
    seal_key_derive(secret, KEY_LABEL, sealer);
    good = seal_open(sealer, bound, sealed, size, der);
    if (good) {
        EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, (long)(size - SEAL_OVERHEAD));
        good = key != NULL;
        k = good ? key_wrap(key) : NULL;
    }
    secret_wipe(sealer, sizeof sealer);
    secret_wipe(der, sizeof der);
    if (!good || strcmp(k->kid, kid) != 0)
        return false;
    *ret = TAKE(k);
    return true;
}

void secret_check_value(const char *secret, unsigned char ret[DIGEST_SIZE])
{
    seal_key_derive(secret, CHECK_LABEL, ret);
}

static int key_make(struct db *db, const char *secret, struct signing_key **ret)
{
    cleanup(signing_key_drop) struct signing_key *k = signing_key_new();
    cleanup(rows_drop) struct pg_result *res = NULL;
    unsigned char sealed[PRIVATE_SEAL_MAX], check[DIGEST_SIZE];
    char pem[PUBLIC_PEM_MAX], sealed_hex[2 * PRIVATE_SEAL_MAX + 1], check_hex[2 * DIGEST_SIZE + 1];
    int r;

    signing_key_pem(k, pem);
    hex_encode(sealed, signing_key_seal(k, secret, sealed), sealed_hex);
    secret_check_value(secret, check);
    hex_encode(check, sizeof check, check_hex);
    r = db_run(db, Q_signing_key_insert, ARGS(k->kid, pem, sealed_hex, check_hex), &res);
    if (r)
        return r;
    log_line(LOG_LEVEL_NOTICE, "event=signing_key_made kid=%s", k->kid);
    *ret = TAKE(k);
    return DONE;
}

/* Whether the key in a row (as for key_take()) was sealed under this secret. */
static bool is_under(const struct pg_result *rows, int i, const char *secret)
{
    unsigned char check[DIGEST_SIZE];
    char check_hex[2 * DIGEST_SIZE + 1];

    secret_check_value(secret, check);
    hex_encode(check, sizeof check, check_hex);
    return strcmp(check_hex, rows_str(rows, i, 2)) == 0;
}

/* Opens the key in a row: kid, sealed (hex), check (hex). */
static int key_take(const struct pg_result *rows, int i, const char *secret,
                    struct signing_key **ret)
{
    const char *kid = rows_str(rows, i, 0), *sealed_hex = rows_str(rows, i, 1);
    unsigned char *sealed;
    long size = 0;
    bool good;

    if (!is_under(rows, i, secret))
        return FAULT("SECRET_KEY is not the one that the stored signing keys were sealed with: "
                     "set the old one again, or replace the keys with rotate-keys");
    sealed = OPENSSL_hexstr2buf(sealed_hex, &size);
    good = sealed && signing_key_unseal(sealed, (size_t)size, kid, secret, ret);
    OPENSSL_free(sealed);
    return good ? DONE : FAULT("signing key %s is damaged: replace it with rotate-keys", kid);
}

int signing_key_load(struct db *db, const char *secret, const char *path, struct signing_key **ret)
{
    cleanup(secret_key_drop) struct secret_key key = {0};
    cleanup(rows_drop) struct pg_result *locked = NULL, *row = NULL;
    int r = db_run(db, Q_signing_key_lock, NO_ARGS, &locked);

    if (!r)
        r = db_run(db, Q_signing_key_newest, NO_ARGS, &row);
    if (!r)
        r = secret_key_load(secret, path, rows_count(row) == 0, &key);
    if (r)
        return r;
    return rows_count(row) ? key_take(row, 0, key.text, ret) : key_make(db, key.text, ret);
}

struct signing_key *signing_key_share(const struct signing_key *k)
{
    struct signing_key *shared = calloc(1, sizeof *shared);

    if (!shared || EVP_PKEY_up_ref(k->key) != 1)
        abort();
    *shared = *k;
    return shared;
}

static int statement(struct db *db, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *res = NULL;

    return db_run(db, query, n, args, &res);
}

int signing_key_add(struct db *db, const char *secret, const char *path, int64_t min_age,
                    bool revoke)
{
    cleanup(signing_key_drop) struct signing_key *newest = NULL, *made = NULL;
    cleanup(secret_key_drop) struct secret_key key = {0};
    cleanup(rows_drop) struct pg_result *age = NULL;
    int r = signing_key_load(db, secret, path, &newest); /* locks, and tells a wrong secret */

    if (!r)
        r = db_run(db, Q_signing_key_age, NO_ARGS, &age);
    if (r || (!revoke && rows_i64(age, 0, 0) < min_age))
        return r;
    if (!revoke && rows_i64(age, 0, 1) >= SIGNING_KEYS_MAX)
        return LIMIT_REACHED;
    r = secret_key_load(secret, path, false, &key);
    if (!r)
        r = key_make(db, key.text, &made);
    if (!r && revoke)
        r = statement(db, Q_signing_key_revoke, ARGS((const char *)made->kid));
    return r ? r : statement(db, Q_key_change, NO_ARGS);
}

/* Row i of signing_key_all under another secret. */
static int key_reseal(struct db *db, const struct pg_result *rows, int i, const char *secret,
                      const char *next)
{
    cleanup(signing_key_drop) struct signing_key *k = NULL;
    unsigned char sealed[PRIVATE_SEAL_MAX], check[DIGEST_SIZE];
    char sealed_hex[2 * PRIVATE_SEAL_MAX + 1], check_hex[2 * DIGEST_SIZE + 1];
    int r = key_take(rows, i, secret, &k);

    if (r)
        return r;
    assert(k);
    hex_encode(sealed, signing_key_seal(k, next, sealed), sealed_hex);
    secret_check_value(next, check);
    hex_encode(check, sizeof check, check_hex);
    return statement(db, Q_signing_key_reseal,
                     ARGS((const char *)k->kid, (const char *)sealed_hex, (const char *)check_hex));
}

int signing_keys_are_under(struct db *db, const char *secret, bool *ret)
{
    cleanup(rows_drop) struct pg_result *row = NULL;
    int r = statement(db, Q_signing_key_lock, NO_ARGS);

    if (!r)
        r = db_run(db, Q_signing_key_newest, NO_ARGS, &row);
    *ret = !r && rows_count(row) && is_under(row, 0, secret);
    return r;
}

int signing_keys_reseal(struct db *db, const char *secret, const char *path, const char *next)
{
    cleanup(secret_key_drop) struct secret_key key = {0};
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = statement(db, Q_signing_key_lock, NO_ARGS);

    if (!r)
        r = statement(db, Q_signing_key_forget, NO_ARGS);
    if (!r)
        r = db_run(db, Q_signing_key_all, NO_ARGS, &rows);
    if (!r)
        r = secret_key_load(secret, path, false, &key);
    for (int i = 0; !r && i < rows_count(rows); i++)
        r = key_reseal(db, rows, i, key.text, next);
    return r;
}

int signing_key_open(struct db *db, const char *secret, const char *path, struct signing_key **ret)
{
    cleanup(signing_key_drop) struct signing_key *k = NULL;
    int r = db_begin(db);

    if (r)
        return r;
    r = signing_key_load(db, secret, path, &k);
    if (r)
        db_rollback(db);
    else
        r = db_commit(db);
    if (!r)
        *ret = TAKE(k);
    return r;
}
