#pragma once
/* Time that only runs forward.  No wall clock is ever compared with another. */
#include <stdint.h>
#include <time.h>

/* Monotonic microseconds. */
static inline int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The same, and it also runs while the host is suspended: for what others hold against us. */
static inline int64_t clock_boot_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
    return clock_us() / 1000;
}
