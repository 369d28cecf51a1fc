#pragma once
/*
 * The least pace of a body that passes in pieces: its client may stand still for PACE_BANK_US, and
 * earns time back with each byte.  Only the time that we wait for the client counts.
 */
#include <stddef.h>
#include <stdint.h>

#define PACE_BANK_US INT64_C(10000000)

struct pace {
    int64_t rate;    /* bytes per second, at least 1 */
    int64_t left_us; /* that we would wait for the next byte */
};

static inline struct pace pace_new(int64_t rate)
{
    return (struct pace){rate, PACE_BANK_US};
}

/* n bytes have passed within that time. */
static inline void pace_count(struct pace *p, size_t n, int64_t waited_us)
{
    p->left_us += (int64_t)n * 1000000 / p->rate - waited_us;
    if (p->left_us > PACE_BANK_US)
        p->left_us = PACE_BANK_US;
}

/* Milliseconds for the next piece, at least 1. */
static inline int64_t pace_ms(const struct pace *p)
{
    return p->left_us > 1000 ? p->left_us / 1000 : 1;
}
