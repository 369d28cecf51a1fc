#pragma once
#include <stdbool.h>

/*
 * Ownership of turns.  One thread beats (1 s) and watches the beats of other processes: whose beat
 * stands still for 3 s on this process' own clock, over a connection that worked throughout, has
 * its turns put back into the queue.  Another thread claims from the queue while there are free
 * slots. No wall clock is compared, so a database restart or a clock jump expires nobody.
 */
struct chatd;
struct keeper;

int keeper_start(struct chatd *d, struct keeper **ret) __attribute__((warn_unused_result));

/* Looks into the queue now: a turn was queued, or may run now.  Accepts NULL.  Any thread. */
void keeper_wake(struct keeper *k);

/* A turn ended here, and its slot is free.  waits: the database had a turn in the queue then. While
 * the queue is empty nobody is woken: whoever puts a turn there calls.  Accepts NULL.  Any thread.
 */
void keeper_slot_free(struct keeper *k, bool waits);

/* Claims nothing more; beats go on. */
void keeper_stop_claims(struct keeper *k);

/* Beats no more; what runs here must not depend on it any longer than others take to notice. */
void keeper_stop_beats(struct keeper *k);

/* Puts what this process still owns back into the queue and gives its place up.  Ends the threads.
 */
void keeper_hand_over(struct keeper *k);

void keeper_drop(struct keeper **k);
