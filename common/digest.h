#pragma once
/* SHA-256, HMAC, random bytes and their spellings, over OpenSSL's EVP. */
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

void digest_sha256(const void *data, size_t size, unsigned char ret[DIGEST_SIZE]);
void digest_hmac(const void *key, size_t key_size, const void *data, size_t size,
                 unsigned char ret[DIGEST_SIZE]);
/* Random bytes; aborts when the system has none. */
void random_bytes(void *ret, size_t size);
/* Lower-case hex with NUL: 2 * size + 1 characters. */
void hex_encode(const void *data, size_t size, char *ret);

/* What a hexadecimal digit is worth, in either case; -1: it is none. */
static inline int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
/* base64url without padding (RFC 4648), with NUL; ret has room for 4 * size / 3 + 3. */
void base64url_encode(const void *data, size_t size, char *ret);
/* Decodes size characters strictly (no padding, no other characters, no loose bits).
 * Returns the bytes, or -1.  ret has room for 3 * size / 4 + 2. */
int base64url_decode(const char *s, size_t size, unsigned char *ret);
/* Wipes memory that held a secret. */
void secret_wipe(void *p, size_t size);
