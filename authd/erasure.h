#pragma once
/*
 * Deleting accounts.  What this schema has of one goes in the transaction that deletes it, so that
 * its log-ins, sessions and keys end and its address is free; projectd, chatd and filed are told by
 * the outbox, and the receipt says when nothing is owed any more.
 */
#include <stdbool.h>
#include <stdint.h>

struct call;

/*
 * Deletes an account on behalf of c->caller (itself, an admin, or 0: the console) in the call's
 * transaction; c->out is the erasure.  hash: the password hash that was verified, or NULL.
 * DONE; NOT_FOUND; CONFLICT: the password was changed meanwhile, or it is the last admin's, which
 * only the console may delete.
 */
int account_erase(struct call *c, int64_t account, const char *hash)
    __attribute__((warn_unused_result));

/* Periodic: notes which parts of erasures are gone. */
int erasure_tick(struct call *c);
