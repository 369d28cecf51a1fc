/* SHA-256, HMAC, random bytes and their spellings, over OpenSSL's EVP. */
#include "common/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Fetched once: looking it up again costs more than hashing a token. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void sha256_fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256)
        abort();
}

void digest_sha256(const void *data, size_t size, unsigned char ret[DIGEST_SIZE])
{
    pthread_once(&once, sha256_fetch);
    if (!EVP_Digest(data, size, ret, NULL, sha256, NULL))
        abort();
}

void digest_hmac(const void *key, size_t key_size, const void *data, size_t size,
                 unsigned char ret[DIGEST_SIZE])
{
    pthread_once(&once, sha256_fetch);
    if (key_size > INT32_MAX)
        abort();
    if (!HMAC(sha256, key_size ? key : "", (int)key_size, data, size, ret, NULL))
        abort();
}

void random_bytes(void *ret, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = getrandom((char *)ret + at, size - at, 0);
        if (n < 0 && errno != EINTR)
            abort();
        at += n > 0 ? (size_t)n : 0;
    }
}

void hex_encode(const void *data, size_t size, char *ret)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = data;

    for (size_t i = 0; i < size; i++) {
        *ret++ = hex[p[i] >> 4];
        *ret++ = hex[p[i] & 15];
    }
    *ret = '\0';
}

void base64url_encode(const void *data, size_t size, char *ret)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = data;
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | p[i];
        for (count += 8; count >= 6; count -= 6)
            *ret++ = letters[bits >> (count - 6) & 63];
    }
    if (count)
        *ret++ = letters[bits << (6 - count) & 63];
    *ret = '\0';
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(const char *s, size_t size, unsigned char *ret)
{
    unsigned char *to = ret;
    uint32_t bits = 0;
    unsigned count = 0;

    if (size % 4 == 1 || size > INT32_MAX)
        return -1;
    for (size_t i = 0; i < size; i++) {
        int v = base64url_value(s[i]);
        if (v < 0)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (unsigned char)(bits >> count);
        }
    }
    if (bits & ((1U << count) - 1))
        return -1;
    return (int)(to - ret);
}

void secret_wipe(void *p, size_t size)
{
    OPENSSL_cleanse(p, size);
}
