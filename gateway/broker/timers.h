#pragma once
/* Times at which something is due: a binary heap of embedded timers.  Clock: clock_us(). */
#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due_us;
    size_t at; /* place in the heap + 1; 0: not set, so {0} is a timer */
};

struct timers {
    struct timer **heap; /* {0} is an empty set */
    size_t count, capacity;
};

/* Sets a timer, or moves it. */
void timers_set(struct timers *t, struct timer *timer, int64_t due_us);
/* Takes it out; one that is not set may be given. */
void timers_unset(struct timers *t, struct timer *timer);
/* The earliest one, still set; NULL: none. */
struct timer *timers_first(const struct timers *t);
/* Frees the set, not the timers. */
void timers_drop(struct timers *t);
