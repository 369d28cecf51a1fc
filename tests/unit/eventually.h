#pragma once
/* Waiting for what other threads do. */
#include <check.h>
#include <time.h>

#include "common/clock.h"

#define WAIT_MS 3000 /* for what must come */

static inline void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

#define EVENTUALLY(condition)                              \
    do {                                                   \
        int64_t until_ = clock_ms() + WAIT_MS;             \
        while (!(condition) && clock_ms() < until_)        \
            pause_ms(1);                                   \
        ck_assert_msg(condition, "never: %s", #condition); \
    } while (0)
