/* Refresh tokens: made, read, and kept for whoever asks twice. */
#include "authd/refresh_token.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define HALF  16 /* bytes of the family, and of what is new each time */
#define LABEL "chatbot refresh token 1"

void refresh_token_drop(struct refresh_token *t)
{
    secret_wipe(t, sizeof *t);
}

static void digest_hex(const void *data, size_t size, char ret[REFRESH_HEX_SIZE])
{
    unsigned char digest[DIGEST_SIZE];

    digest_sha256(data, size, digest);
    hex_encode(digest, sizeof digest, ret);
}

static void token_make(unsigned char bytes[2 * HALF], struct refresh_token *ret)
{
    base64url_encode(bytes, 2 * HALF, ret->text);
    digest_hex(bytes, HALF, ret->family_hash);
    digest_hex(ret->text, strlen(ret->text), ret->hash);
    secret_wipe(bytes, 2 * HALF);
}

/* False when the text is not exactly one of ours. */
static bool bytes_read(const char *text, unsigned char ret[2 * HALF + 2])
{
    return strlen(text) == REFRESH_SIZE - 1 &&
           base64url_decode(text, REFRESH_SIZE - 1, ret) == 2 * HALF;
}

void refresh_token_new(struct refresh_token *ret)
{
    unsigned char bytes[2 * HALF];

    random_bytes(bytes, sizeof bytes);
    token_make(bytes, ret);
}

void refresh_token_next(const struct refresh_token *t, struct refresh_token *ret)
{
    unsigned char bytes[2 * HALF + 2];

    if (!bytes_read(t->text, bytes))
        abort();
    random_bytes(bytes + HALF, HALF);
    token_make(bytes, ret);
}

bool refresh_token_read(const char *text, struct refresh_token *ret)
{
    unsigned char bytes[2 * HALF + 2];

    if (!bytes_read(text, bytes))
        return false;
    token_make(bytes, ret);
    return true;
}

void refresh_token_seal(const struct refresh_token *t, const struct refresh_token *next,
                        char ret[2 * REFRESH_SEALED + 1])
{
    unsigned char key[SEAL_KEY_SIZE], sealed[REFRESH_SEALED];

    seal_key_derive(t->text, LABEL, key);
    seal(key, t->family_hash, next->text, REFRESH_SIZE - 1, sealed);
    hex_encode(sealed, sizeof sealed, ret);
    secret_wipe(key, sizeof key);
}

bool refresh_token_open(const struct refresh_token *t, const char *sealed,
                        struct refresh_token *ret)
{
    unsigned char key[SEAL_KEY_SIZE], *bytes;
    char text[REFRESH_SIZE] = "";
    long size = 0;
    bool good;

    bytes = OPENSSL_hexstr2buf(sealed, &size);
    seal_key_derive(t->text, LABEL, key);
    good = bytes && size == REFRESH_SEALED &&
           seal_open(key, t->family_hash, bytes, (size_t)size, (unsigned char *)text) &&
           refresh_token_read(text, ret);
    OPENSSL_free(bytes);
    secret_wipe(key, sizeof key);
    secret_wipe(text, sizeof text);
    return good;
}
