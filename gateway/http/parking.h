#pragma once
/*
 * Threads that nobody needs.  civetweb wakes those that wait in its queue in turn, so that with
 * time each one would have run through each kind of request, and all of them kept the memory that
 * this takes (some 200 KiB each).  So only a few wait there; the others are parked here, and the
 * last one that was is needed first.
 */
#include <pthread.h>
#include <stdbool.h>

#include "common/idle.h"

#define PARKING_READY 16 /* threads that wait in civetweb's queue, ... */
#define PARKING_LEAST 8  /* ... and when one more is called to it */

struct parking {
    pthread_mutex_t lock;
    struct idle *parked;
    unsigned ready; /* on their way to civetweb's queue, or in it */
    bool over;
};

void parking_init(struct parking *p);

/* Of a thread that is about to wait for a connection; is_ready is its own, false in the beginning.
 * Returns when it may. */
void parking_enter(struct parking *p, bool *is_ready);

/* Of a thread that has got a connection: calls another one if few are left. */
void parking_leave(struct parking *p, bool *is_ready);

/* All threads go on, as they are to end; none is parked from here on. */
void parking_end(struct parking *p);
