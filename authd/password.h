#pragma once
/*
 * Passwords: what makes one acceptable, and Argon2id (RFC 9106) as PHC strings.  Hashes that came
 * with the accounts of the platform before this one (PBKDF2, see phc.h) are verified, never made.
 */
#include <stdbool.h>
#include <stdint.h>

#include "authd/phc.h"

#define PASSWORD_CHARACTERS_MIN 8
#define PASSWORD_BYTES_MAX      256
#define PASSWORD_HASH_MAX       PHC_TEXT_MAX

/* Work of one hash; the number of lanes is 1.  Upper bounds are PHC_MEMORY_MAX, PHC_PASSES_MAX. */
struct password_cost {
    uint32_t memory_kib, passes;
};

/*
 * NULL when the password (valid UTF-8) may be chosen, else why not, as a short text for people:
 * at least 8 characters (code points), at most 256 bytes, a letter and a digit 0-9, and none of the
 * most common ones.  Every
 * character beyond ASCII counts as a letter, so that no script is put at a disadvantage.
 */
const char *password_check(const char *password);

/*
 * Hashes with a fresh salt.  Takes tens of milliseconds and memory_kib, which the kernel gets back
 * at once: the memory is mapped for this hash alone, because the allocator would keep it.
 * DONE or a fault.
 */
int password_hash(const char *password, const struct password_cost *cost,
                  char ret[PASSWORD_HASH_MAX]) __attribute__((warn_unused_result));

/* A hash of that cost which no password that anybody knows matches. */
int password_nobody(const struct password_cost *cost, char ret[PASSWORD_HASH_MAX])
    __attribute__((warn_unused_result));

/* DONE when the password matches, BAD_LOGIN when not; a hash that cannot be read is a fault.
 * Costs what the hash's own parameters say; compares in constant time. */
int password_verify(const char *hash, const char *password) __attribute__((warn_unused_result));

/*
 * Takes the time that a verification may take longer than that hash's did, for whoever was refused
 * by it: else the time would tell an old account from none.  All together that is a hash of `cost`
 * and old_rounds of PBKDF2 (0: no account has such a hash any more).  DONE or a fault.
 */
int password_pad(const char *hash, const struct password_cost *cost, uint32_t old_rounds,
                 const char *password) __attribute__((warn_unused_result));

/* Whether a hash was cheaper than `cost`, or is no Argon2id at all. */
bool password_is_outdated(const char *hash, const struct password_cost *cost);
