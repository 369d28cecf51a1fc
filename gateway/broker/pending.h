#pragma once
/* Requests that were sent and whose REPLY is to come, by id. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/api.h"

struct broker_transfer;
struct request;
struct worker;

/* One sending of a request.  A request that is sent again gets another id, so that each REPLY is
 * matched with its own sending, however late. */
struct flight {
    uint64_t id;
    struct worker *worker;
    struct request *request; /* NULL: nobody waits any more */
    enum lane lane;
    bool streams;                     /* a REPLY said that DATA follows: the last one is its end */
    struct broker_transfer *transfer; /* that takes the DATA; NULL: nobody */
    bool lost;                        /* its worker was given up: no longer in its account */
    LIST_ENTRY(flight) bucket;        /* or in the list of unused ones */
    LIST_ENTRY(flight) of_worker;
    LIST_ENTRY(flight) of_request;
};
LIST_HEAD(flight_list, flight);

#define PENDING_BUCKETS 4096 /* power of two */

struct pending {
    uint32_t generation; /* random per start, never 0 */
    uint32_t counter;
    struct flight_list bucket[PENDING_BUCKETS];
    struct flight_list unused;
};

void pending_init(struct pending *p);
/* Nothing may be in flight. */
void pending_drop(struct pending *p);

/* An id that is not in flight: generation and a counter. */
uint64_t pending_id(struct pending *p);

/* Records that the request was sent to the worker under that id: uses a credit. */
void flight_begin(struct pending *p, uint64_t id, struct request *r, struct worker *w,
                  enum lane lane);
struct flight *flight_find(struct pending *p, uint64_t id);
/* Nobody waits for it any more; its worker still owes the REPLY. */
void flight_orphan(struct flight *f);
/* Its worker was given up: the credit is back, the REPLY may still come. */
void flight_lose(struct flight *f);
/* It is over: the credit is back, f is gone. */
void flight_end(struct pending *p, struct flight *f);
