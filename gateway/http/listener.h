#pragma once
/*
 * The listening descriptor that civetweb opened.  It offers no way to it, so it is found by its
 * port; what it listens for can then be paused and ended without civetweb noticing.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct listener {
    int fd;             /* civetweb's */
    int saved;          /* the same socket, kept while paused */
    int dummy;          /* never readable */
    atomic_bool paused; /* read without the lock by the watchdog */
    bool closed;
    pthread_mutex_t lock;
};

/*
 * Finds the listening socket of that port, at descriptors below `limit`, and makes the kernel hand
 * over connections only once they have sent something (TCP_DEFER_ACCEPT), so that silent ones cost
 * nothing.  DONE, or a fault.
 */
int listener_find(int port, int limit, struct listener *ret) __attribute__((warn_unused_result));

/* Before anything else, so that the others may always be called. */
void listener_init(struct listener *l);

/* Nothing is accepted until listener_resume(); clients wait in the kernel's backlog. */
void listener_pause(struct listener *l);
void listener_resume(struct listener *l);

/* Nothing is accepted any more; clients are refused. */
void listener_close(struct listener *l);

/* Ends a wait for connections of a listener that is paused or closed. */
void listener_wake(struct listener *l);

/* Raises the soft limit of descriptors to `needed`.  DONE, or a fault when the hard one is lower.
 */
int descriptors_raise(int needed) __attribute__((warn_unused_result));

/* Whether `n` more descriptors can be opened. */
bool descriptors_left(int n);
