#pragma once
/*
 * The bounded, fair queue of one lane: deficit round robin over callers (Shreedhar and Varghese,
 * SIGCOMM 1995) with a quantum of 1.  Items are embedded in what waits; the queue owns none.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct queue_flow;

struct queue_item {
    TAILQ_ENTRY(queue_item) next;
    struct queue_flow *flow; /* NULL: among those at the front */
    uint32_t cost;
};

struct queue;

/* A queue that holds at most `limit` items, those at the front not counted. */
struct queue *queue_new(unsigned limit);
/* The queue must be empty. */
void queue_drop(struct queue **q);

/*
 * Appends an item to the line of its caller.  cost: at least 1, the share of service it uses.
 * When the queue is full, the newest item of the longest line gives way, if that line stays longer
 * than the caller's: *ret_out is that item (removed), else NULL.
 * False: full, the item was not added.
 */
bool queue_push(struct queue *q, struct queue_item *item, uint64_t caller, uint32_t cost,
                struct queue_item **ret_out) __attribute__((warn_unused_result));

/* Puts an item that was taken before in front of all; never refused. */
void queue_push_front(struct queue *q, struct queue_item *item);

/* Takes the next item; NULL: empty. */
struct queue_item *queue_pop(struct queue *q);

/* Takes out an item that is in this queue. */
void queue_remove(struct queue *q, struct queue_item *item);

/* Items in it, and whether the next push has to push something out. */
unsigned queue_length(const struct queue *q);
bool queue_full(const struct queue *q);
