#pragma once
/*
 * The second factor of an account: a secret that an app makes codes of, sealed under SECRET_KEY,
 * and recovery codes.  Each code is good once, also when it comes twice at the same time.
 */
#include <stdint.h>

struct call;
struct db;

/*
 * In apply, once the password was right: what a log-in has to bring besides.  code: as it was
 * typed, NULL: none.
 * DONE when the account has no second factor, or the code is right, which is used up then;
 * TOTP_REQUIRED, TOTP_WRONG; or what db_get() says.
 */
int second_factor_ask(struct call *c, int64_t account, const char *code)
    __attribute__((warn_unused_result));

/* In apply: takes it away.  NOT_FOUND when there is none. */
int second_factor_remove(struct call *c, int64_t account) __attribute__((warn_unused_result));

/* In the caller's transaction: seals all secrets anew, under another SECRET_KEY.  secret, path: see
 * secret_key_load(). */
int second_factors_reseal(struct db *db, const char *secret, const char *path, const char *next)
    __attribute__((warn_unused_result));
