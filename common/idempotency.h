#pragma once
/*
 * Idempotency keys, once for all daemons: a repeat of a mutating call gets the first one's result.
 *
 * The key's hash, a fingerprint of the input and the reply are stored in the transaction of the
 * change itself, so either both exist or neither.  The fingerprint is an HMAC of the input under
 * the key; the table holds only the key's hash, so that a stolen table does not help to guess
 * inputs (passwords among them).
 */
#include <stddef.h>

#include <stdbool.h>

#include "common/digest.h"

struct call;

/* Indexes of common/queries.def for db_run() and friends. */
enum {
    SHARED_QUERIES = 1 << 16,
    SHARED_BEFORE_FIRST = SHARED_QUERIES - 1,
#define QUERY(name, sql) SQ_##name,
#include "common/queries.def"
};

struct idempotency {
    char key_hash[2 * DIGEST_SIZE + 3]; /* \x and hex */
    char fingerprint[2 * DIGEST_SIZE + 3];
};

/* Of one call: its key (c->key) over its params and body. */
void idempotency_of(const struct call *c, const char *params, size_t params_size, const char *body,
                    size_t body_size, struct idempotency *ret);

/*
 * Looks for a stored result.  `lock`: also takes the key's lock for the rest of the transaction.
 * DONE: nothing stored, go on.  IN_FLIGHT: somebody holds the lock.  BAD_INPUT: stored with another
 * input (field Idempotency-Key).  With c->replayed set and DONE: the stored result is in c.
 */
int idempotency_check(struct call *c, const struct idempotency *i, bool lock)
    __attribute__((warn_unused_result));

/* Has the call's result stored with COMMIT, which is IN_FLIGHT when another one was faster. */
void idempotency_store(struct call *c, const struct idempotency *i, const char *location);

/* Periodic task: deletes what has expired, in batches. */
int idempotency_expire(struct call *c);
