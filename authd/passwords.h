#pragma once
/* Passwords of accounts: new ones, and whether one is right. */
#include <stdint.h>

struct call;

/* In prepare: hashes with the cost that the settings ask for; *ret lives as long as the call. */
int account_hash(struct call *c, const char *password, const char **ret)
    __attribute__((warn_unused_result));

/*
 * In prepare: whether a password is the one of a hash (NULL: of nobody).  A wrong one costs the
 * same time for nobody, for a hash of today's cost, for an older, cheaper one and for one of
 * PBKDF2, of which old_rounds are the most that any account still has (0: there is none).
 * DONE; BAD_LOGIN; or a fault.
 */
int account_verify(struct call *c, const char *hash, int64_t old_rounds, const char *password)
    __attribute__((warn_unused_result));

/*
 * The caller's password once more, before what matters; tries count like log-ins.  *ret_hash: the
 * hash that was verified, so that a transaction can see whether it is still the account's.
 * *ret_address: for login_guard_clear(), once nothing else is asked for.
 * DONE; BAD_INPUT with that field; RATE_LIMITED; NOT_FOUND: the account is gone.
 */
int password_confirm(struct call *c, const char *password, const char *field, const char **ret_hash,
                     const char **ret_address) __attribute__((warn_unused_result));

/*
 * In apply, once an account's password is another one: all its sessions end but the one that asks
 * (0: all), and so does what was asked for with the old one and waits for the link of a mail to be
 * followed, as whoever knew that may have asked.
 */
int password_renewed(struct call *c, int64_t account, int64_t session)
    __attribute__((warn_unused_result));
