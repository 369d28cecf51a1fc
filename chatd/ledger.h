#pragma once
/*
 * The ledger writes what became of running turns: their text now and then (not flushed, so that a
 * takeover and readers see something), and their end (flushed, fenced, all that wait in one
 * transaction).  A thread with a connection of its own; what it was given survives a database
 * that is away for a while.
 */
#include <stddef.h>

struct chatd;
struct ledger;
struct turn;

int ledger_start(struct chatd *d, struct ledger **ret) __attribute__((warn_unused_result));

/* Writes everything it still has (at most some seconds) and ends the thread. */
void ledger_drop(struct ledger **l);

/* New text of a running turn, behind its first `stored` bytes; copied.  Without text: which
 * response in the background it is; after COMMIT turn_placed() is called. */
void ledger_append(struct ledger *l, const struct turn *t, const char *text, size_t size);

/* The turn has ended: state and the rest are set.  The ledger owns it from here, publishes its end
 * after COMMIT, and drops it. */
void ledger_finish(struct ledger *l, struct turn *t);
