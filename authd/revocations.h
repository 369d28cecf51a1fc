#pragma once
/*
 * Revocations: what ended before its time, sessions by their id and API keys by their negated id.
 * They are numbered rows; the numbers have no gaps, but for those of revocations_leap(), and are
 * visible in their order.
 */
#include <stdint.h>

struct call;
struct event;
struct pg_result;

#define REVOCATION_TICK_MS 250
#define REVOCATIONS_LISTED 64 /* newest revocations in each event */

/* In apply: notes that it ended.  Rows of what ended are locked first, the counter of revocations
 * last, by every transaction that ends something. */
int revocation_append(struct call *c, int64_t account, int64_t session)
    __attribute__((warn_unused_result));

/* The same for every row of a result: (account, session). */
int revocations_append(struct call *c, const struct pg_result *ended)
    __attribute__((warn_unused_result));

/* In apply: gateways forget whatever they know of sessions and keys, and ask. */
int revocations_leap(struct call *c) __attribute__((warn_unused_result));

/*
 * The event of topic "session" as the database stands: cursor the newest revocation, data the
 * session ids of the newest REVOCATIONS_LISTED ones, oldest first, U64 little endian, in the call's
 * arena.  A gateway that missed no more than it lists needs to ask nobody; nothing else has to be
 * remembered, so a restarted authd goes on where it was.
 */
int revocation_event(struct call *c, struct event *ret) __attribute__((warn_unused_result));

/* Periodic: publishes that event, also when nothing changed, and how often the signing keys did. */
int revocation_tick(struct call *c);
