#pragma once
/*
 * What is done to accounts by those who run the platform, over HTTP or on the console.  All of it
 * is for the inside of a transaction.
 */
#include <stdbool.h>
#include <stdint.h>

struct call;

/* Gateways forget what they know of the account's sessions and keys, and ask. */
int account_doubt(struct call *c, int64_t account) __attribute__((warn_unused_result));

/* Disables or enables (NULL: as it is) and gives a role (NULL: as it is); gateways ask about the
 * account's sessions and keys again.  NOT_FOUND without such an account. */
int account_set(struct call *c, int64_t account, const bool *disabled, const char *role)
    __attribute__((warn_unused_result));

/* Voids the password, ends all sessions; writes the reply (shape reset_made). */
int account_void(struct call *c, int64_t account) __attribute__((warn_unused_result));

/* An invitation by c->caller; address and days may be left out (NULL, 0).  Writes the reply (shape
 * invite_made). */
int invite_make(struct call *c, const char *address, int64_t days)
    __attribute__((warn_unused_result));
