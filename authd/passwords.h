#pragma once
/* Passwords of accounts: new ones, and whether one is right. */
struct call;

/* In prepare: hashes with the cost that the settings ask for; *ret lives as long as the call. */
int account_hash(struct call *c, const char *password, const char **ret)
    __attribute__((warn_unused_result));

/*
 * In prepare: whether a password is the one of a hash (NULL: of nobody).  It costs the same time
 * for nobody, for a hash of today's cost and for an older, cheaper one.
 * DONE; BAD_LOGIN; or a fault.
 */
int account_verify(struct call *c, const char *hash, const char *password)
    __attribute__((warn_unused_result));
