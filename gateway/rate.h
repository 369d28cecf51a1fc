#pragma once
/* Token buckets: how often each user or address may call, by the classes of rates.def. */
#include <stdbool.h>
#include <stdint.h>

#include "proto/api.h"

struct rate_table;

struct rate_answer {
    bool allowed;
    unsigned limit;     /* requests a minute, at this gateway */
    unsigned remaining; /* whole ones left */
    unsigned reset;     /* seconds until the bucket is full again */
    unsigned retry;     /* seconds until the next one is allowed; 0 when allowed */
};

/* gateways: how many share the load; each gives out its part, at least one a minute. */
struct rate_table *rate_new(unsigned gateways);
void rate_drop(struct rate_table **t);

/*
 * Takes one token of the bucket (class, key) at the monotonic time now_us.  The table is bounded:
 * where it is full, the bucket that is nearest to full is forgotten.  A class without a limit
 * always allows, with limit 0.  Any number of threads may call it.
 */
struct rate_answer rate_take(struct rate_table *t, enum rate class, uint64_t key, int64_t now_us);

/* The same with a rate of the bucket's own; 0: the class'. */
struct rate_answer rate_take_own(struct rate_table *t, enum rate class, uint64_t key,
                                 int64_t per_minute, int64_t now_us);

/* An address as a key; keyed by a random number per process. */
uint64_t rate_key_of(const char *address);
