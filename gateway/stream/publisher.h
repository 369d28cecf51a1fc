#pragma once
/*
 * Threads that write events to clients.  Each has its share of the streams, and an epoll that tells
 * when a client reads again, or has left; it never waits for any of them.
 */
#include <stdbool.h>
#include <stdint.h>

#define PUBLISHERS        2 /* as many as the machine that it was measured on has cores */
#define PUBLISHER_TICK_MS 500

struct publisher;
struct reader;

/* DONE, or a fault. */
int publisher_new(struct publisher **ret) __attribute__((warn_unused_result));
/* No stream may be left. */
void publisher_drop(struct publisher **p);

/* Gives it a stream whose fd is set; from now on it writes.  The client's thread must call
 * publisher_remove() before the descriptor is closed. */
void publisher_add(struct publisher *p, struct reader *s);
/* Takes it back; waits until the publisher is through with it.  No follower may be left. */
void publisher_remove(struct reader *s);

/* Counts what was sent; and what all its streams have sent since the start. */
void publisher_count(struct publisher *p, uint64_t bytes, uint64_t events);
void publisher_counts(struct publisher *p, uint64_t *ret_bytes, uint64_t *ret_events);

/* There is something to do for it.  Any thread. */
void publisher_queue(struct reader *s);

/* Ends all its streams, and each that is added from now on. */
void publisher_stop(struct publisher *p);
