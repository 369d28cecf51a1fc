#pragma once
/*
 * Whether a failed request is sent again, and when.  Pure: the clock and the dice come from
 * outside.
 *
 *   first token seen                        never again
 *   x-should-retry                          decides, where the failure leaves it open
 *   LATER                                   Retry-After, else 0.5 s doubling up to 8 s, less up
 *                                           to a quarter; counts as a try
 *   PAUSE (rate limit) with Retry-After     as asked, at least 50 ms doubling up to 8 s; is no
 *                                           try, but at most RETRY_PAUSES_MAX of them
 *   PAUSE without Retry-After               as LATER
 *   a wait that ends behind the deadline    never again
 */
#include <stdbool.h>
#include <stdint.h>

#define RETRY_PAUSES_MAX 20

enum again {
    AGAIN_NEVER,
    AGAIN_ASKED, /* only when x-should-retry says so */
    AGAIN_LATER,
    AGAIN_PAUSE, /* the provider wants fewer requests: everybody waits */
};

/* What a call has used up. */
struct retry {
    int requests; /* sent; counted by the sender */
    int pauses;   /* requests that were answered with a pause, no tries */
};

struct retry_failure {
    enum again again;
    int should_retry; /* x-should-retry: 1 true, 0 false, -1 not given */
    int64_t after_ms; /* Retry-After, -1: not given */
    bool token_seen;
};

struct retry_clock {
    int64_t now_us, deadline_us; /* clock_us() */
    uint32_t random;             /* any number */
};

struct retry_step {
    bool again;
    bool pause; /* the whole process waits */
    int64_t wait_us;
};

/* Decides about the request that was just sent; updates r->pauses. */
struct retry_step retry_decide(struct retry *r, int tries, const struct retry_failure *f,
                               const struct retry_clock *c);

/* Requests that count as tries. */
int retry_tries(const struct retry *r);

/*
 * Milliseconds that the headers `retry-after-ms` (a number) and `Retry-After` (seconds, or an HTTP
 * date; RFC 9110 10.2.3) ask for; the first wins.  Either may be NULL.  wall: seconds since the
 * epoch.  -1: neither says anything usable; at most a day.
 */
int64_t retry_after(const char *milliseconds, const char *seconds, int64_t wall);
