#pragma once
/*
 * A thread of a daemon with a database connection of its own, which does one piece of work after
 * the other until there is none, and then waits to be woken, or for a second.
 */
#include <stdbool.h>

struct daemon;
struct db;
struct relay;

/* One piece of work; false: there was none, or the database is away. */
typedef bool relay_fn(void *state, struct db *db);

/* name: a constant, of its thread.  DONE or a fault; *ret is to be dropped in any case. */
int relay_start(struct daemon *d, const char *name, relay_fn *work, void *state, struct relay **ret)
    __attribute__((warn_unused_result));

/* There is work.  Any thread; accepts NULL. */
void relay_wake(struct relay *r);

/* Ends it after the piece of work that it is at. */
void relay_drop(struct relay **r);

/* Seconds until try number `tries` + 1: 1, 2, 4, ..., at most `most`. */
int relay_backoff(int tries, int most);
