#pragma once
/*
 * The provider's copies of files: a thread that uploads what is wanted, deletes what is not, and
 * compares the provider's list with the rows.
 *
 *   wanted -> uploading -> present -> deleting -> (no row)
 *               |  |-> failed
 *               '-> wanted, after a pause and a sweep
 *
 * A row that is worked on is leased.  Each try has a name of its own, committed before it begins,
 * so that a sweep of the provider's list finds what a killed process or a lost answer left: it
 * becomes the copy, or it is deleted.
 */
#include <stdbool.h>

struct copies;
struct daemon;
struct store;

/* *ret NULL: no provider is configured, so no copies are made.  no_backfill: files without a copy
 * stay without one; copies that are there, or wanted, are looked after all the same.
 * DONE, BAD_INPUT (settings; logged) or a fault. */
int copies_start(struct daemon *d, const struct store *s, bool no_backfill, struct copies **ret)
    __attribute__((warn_unused_result));
/* Gives back what it works on and ends the thread.  Accepts NULL. */
void copies_drop(struct copies **c);

/* Rows have changed.  Any thread; accepts NULL. */
void copies_wake(struct copies *c);
