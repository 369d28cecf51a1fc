#pragma once
/*
 * Accounts that are gone, for the daemons that keep something of accounts: authd's outbox tells
 * them
 * (<service>_account_erase), and from then on nothing is added for that account.
 */
#include <stdbool.h>
#include <stdint.h>

struct call;

/*
 * Holds the caller's account against its erasure until the transaction ends.  hold, add: the
 * daemon's Q_account_ref_hold and Q_account_ref_add, use ACCOUNT_HOLD(c).
 * DONE; UNAUTHORIZED: the account is gone.
 */
int account_hold(struct call *c, int hold, int add) __attribute__((warn_unused_result));
#define ACCOUNT_HOLD(c) account_hold(c, Q_account_ref_hold, Q_account_ref_add)

/* Answers authd's outbox: whether there is more to erase, and after how many seconds it is worth
 * coming again.  DONE. */
int erased_answer(struct call *c, bool more, int64_t wait_s);
