#pragma once
/* Between second_factor.c, which knows the secrets, and second_factor_calls.c, the operations of an
 * account's owner. */
#include <stdbool.h>
#include <stdint.h>

#include "authd/sealing.h"
#include "authd/totp.h"

#define SEALED_HEX_SIZE (2 * (TOTP_SECRET_SIZE + SEAL_OVERHEAD) + 1)

struct call;

/* A secret as it is stored.  Not while others are sealed anew, nor under a SECRET_KEY that is not
 * theirs any more (a fault). */
int second_factor_seal(struct call *c, int64_t account, const struct totp_secret *s,
                       char ret[SEALED_HEX_SIZE]) __attribute__((warn_unused_result));

/* Uses a code of the app up, and with it confirms a secret that was not (confirmed false).  DONE,
 * TOTP_WRONG, NOT_FOUND without such a secret, or what db_get() says. */
int second_factor_use(struct call *c, int64_t account, bool confirmed, const char *code)
    __attribute__((warn_unused_result));

/* The same for a code of the app or a recovery code of a second factor that is in use. */
int second_factor_check(struct call *c, int64_t account, const char *code)
    __attribute__((warn_unused_result));
