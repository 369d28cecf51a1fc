#pragma once
/*
 * Sessions: one per login, ended by logout, by 30 idle days, or by newer ones beyond the account's
 * limit.  What ends before its time is a numbered row of `revocation`; the numbers have no gaps
 * and are visible in their order.
 */
#include <stdint.h>

struct call;
struct event;

#define SESSIONS_MAX       50 /* live ones of an account; a login more ends the one unused longest */
#define REVOCATION_TICK_MS 250
#define REVOCATIONS_LISTED 64 /* newest revocations in each event */

/*
 * In apply: opens a session for the account and writes the reply (shape token).
 * password_hash: the one that the caller verified; the session is opened only while it still is the
 * account's, so that a password changed meanwhile leaves no session behind.
 * DONE; BAD_LOGIN when it is not, or the account was disabled; or what db_run() says.
 */
int session_open(struct call *c, int64_t account, const char *password_hash)
    __attribute__((warn_unused_result));

/*
 * The event of topic "session" as the database stands: cursor the newest revocation, data the
 * session ids of the newest REVOCATIONS_LISTED ones, oldest first, U64 little endian, in the call's
 * arena.  A gateway that missed no more than it lists needs to ask nobody; nothing else has to be
 * remembered, so a restarted authd goes on where it was.
 */
int revocation_event(struct call *c, struct event *ret) __attribute__((warn_unused_result));

/* Periodic: publishes that event, also when nothing changed. */
int revocation_tick(struct call *c);

/* Periodic: deletes, in batches, what has no effect any more. */
int session_sweep(struct call *c);
