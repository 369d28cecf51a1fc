#pragma once
/*
 * Threads that wait under a lock, the last one to come on top: it is woken first, as its caches,
 * its stack and its database connection are the warmest.  A condition that all wait for would wake
 * each in turn.
 */
#include <pthread.h>
#include <stdbool.h>

/* One of them, on its own stack; a stack of idle ones begins as NULL. */
struct idle {
    struct idle *below;
    pthread_cond_t woken;
    bool is_woken;
};

/* Waits on top of the stack until it is woken.  The lock is held before and after. */
void idle_wait(struct idle **top, pthread_mutex_t *lock);

/* Takes the one on top off and wakes it; false: nobody waits.  Under the lock. */
bool idle_wake(struct idle **top);
