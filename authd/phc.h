#pragma once
/*
 * The text form of a password hash (PHC string format): "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH"
 * with SALT and HASH in base64 (RFC 4648, section 4) without padding.
 */
#include <stdbool.h>
#include <stdint.h>

#define PHC_MEMORY_MAX    1048576 /* KiB */
#define PHC_PASSES_MAX    64
#define PHC_LANES_MAX     16
#define PHC_BYTES_MIN     8 /* of salt and hash */
#define PHC_BYTES_MAX     64
#define PHC_TEXT_MAX      256 /* bytes with NUL */

#define PBKDF2_ROUNDS_MAX 1000000
#define PBKDF2_HASH_SIZE  32

struct phc {
    uint32_t memory_kib, passes, lanes;
    uint32_t salt_size, hash_size;
    unsigned char salt[PHC_BYTES_MAX], hash[PHC_BYTES_MAX];
};

/* A hash of the platform that this one follows: PBKDF2-HMAC-SHA256 as passlib writes it,
 * "$pbkdf2-sha256$29000$SALT$HASH", in base64 with "." in place of "+". */
struct pbkdf2 {
    uint32_t rounds, salt_size;
    unsigned char salt[PHC_BYTES_MAX], hash[PHC_BYTES_MAX];
};

/* Writes p as text. */
void phc_write(const struct phc *p, char ret[PHC_TEXT_MAX]);

/* Reads the text of an Argon2id hash of version 19, strictly.  False when it is anything else, or
 * beyond the limits above; ret is undefined then. */
bool phc_read(const char *text, struct phc *ret);

/* The same for the text of a PBKDF2 hash. */
bool pbkdf2_read(const char *text, struct pbkdf2 *ret);
