#pragma once
/*
 * Sessions: one per login, ended by logout, from the list of sessions, by 30 days without a
 * renewal, by an age of 90 days, by a refresh token that is used twice, or by newer sessions beyond
 * the account's limit.
 */
#include <stdbool.h>
#include <stdint.h>

struct call;

#define SESSIONS_MAX 50 /* live ones of an account; a login more ends the one unused longest */

/* What a session begins with. */
struct session_start {
    int64_t account;
    const char *password_hash; /* the one that was verified */
    const char *device;        /* what the client calls itself, "" unknown; at most 255 bytes */
    bool by_cookie;            /* its refresh token lives in a page's cookie */
};

/*
 * In apply: opens a session and writes the reply (shape token).  It is opened only while the
 * password is still the account's, so that one changed meanwhile leaves no session behind.
 * DONE; BAD_LOGIN when it is not, or the account was disabled; or what db_run() says.
 */
int session_open(struct call *c, const struct session_start *s) __attribute__((warn_unused_result));

/* In apply: ends all sessions of the account but one (0: all). */
int sessions_end(struct call *c, int64_t account, int64_t but) __attribute__((warn_unused_result));

/* Periodic: deletes, in batches, what has no effect any more. */
int session_sweep(struct call *c);
