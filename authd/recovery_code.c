/* Recovery codes: made, and hashed as they were typed. */
#include "authd/recovery_code.h"

#include <string.h>

#define LETTERS 16 /* of 5 bits */

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567"; /* base32 (RFC 4648) */

void recovery_code_new(char ret[RECOVERY_CODE_SIZE])
{
    unsigned char bytes[LETTERS];
    size_t n = 0;

    random_bytes(bytes, sizeof bytes);
    for (int i = 0; i < LETTERS; i++) {
        if (i && i % 4 == 0)
            ret[n++] = '-';
        ret[n++] = alphabet[bytes[i] & 31];
    }
    ret[n] = '\0';
    secret_wipe(bytes, sizeof bytes);
}

bool recovery_code_hash(const char *typed, char ret[RECOVERY_HEX_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    char plain[LETTERS];
    size_t n = 0;

    for (; *typed; typed++) {
        char c = *typed >= 'A' && *typed <= 'Z' ? (char)(*typed | 0x20) : *typed;
        if (c == '-' || c == ' ')
            continue;
        if (n == LETTERS || !strchr(alphabet, c))
            return false;
        plain[n++] = c;
    }
    if (n != LETTERS)
        return false;
    digest_sha256(plain, n, digest);
    hex_encode(digest, sizeof digest, ret);
    secret_wipe(plain, sizeof plain);
    return true;
}
