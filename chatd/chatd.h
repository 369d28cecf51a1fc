#pragma once
/*
 * What the parts of chatd share: one struct per process.
 *
 * A message comes in at chat.c, which accepts it in one transaction.  turns.c runs turns on the
 * upstream's thread, with what history.c reads and files.c asks filed for; ledger.c writes their
 * ends (a thread with a connection of its own); keeper.c beats, takes over from the dead, and
 * claims what waits (another one).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CANCELS_MAX 64

struct conf;
struct contexts;
struct daemon;
struct keeper;
struct ledger;
struct titles;
struct upstream;

struct chatd {
    struct daemon *daemon;
    const struct conf *conf;
    struct contexts *contexts; /* project_context, remembered */
    struct upstream *upstream; /* NULL: no model is configured */
    bool configured;           /* the same, also while upstream goes */
    atomic_bool paused;        /* the provider wants no requests for a while */
    char paused_note[40];      /* for PING then */
    struct ledger *ledger;
    struct keeper *keeper;
    struct titles *titles;
    const struct dialect *dialect;
    int max_turns;
    atomic_int slots; /* turns that may still be started here */
    atomic_bool draining;
    /* Before the last beat that was written, and when one last could not be; clock_boot_us(). */
    atomic_int_fast64_t beat_us, beat_failed_us;
    atomic_int_fast64_t term; /* grows when our turns may be somebody else's */

    pthread_mutex_t lock; /* of the list of running turns */
    struct turn *turns;
    struct turn *refused;         /* by the provider, maybe for a file; see refused.h */
    int64_t cancels[CANCELS_MAX]; /* newest ones of turns that were not listed, a ring */
    unsigned cancel_next;
};

/* Takes a slot for a turn; false when all are taken, the process drains or may have lost its turns,
 * or the provider wants a pause.  ret_term: for the turn_order. */
bool slot_take(struct chatd *d, int64_t *ret_term);
void slot_give(struct chatd *d);
