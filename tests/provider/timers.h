#pragma once
/* Timers: a heap of deadlines on the monotonic clock, in milliseconds. */
#include <stddef.h>
#include <stdint.h>

/* Lives inside its owner; zeroed is "not set". */
struct timer {
    uint64_t due;
    size_t place; /* 1 + index in the heap; 0 when not set */
    void (*fire)(struct timer *timer);
};

uint64_t clock_ms(void);
uint64_t clock_us(void);

/* Sets or moves the timer. */
void timer_set(struct timer *timer, uint64_t due, void (*fire)(struct timer *timer));
void timer_clear(struct timer *timer);

void timers_run(void); /* fires all that are due */
int timers_wait(void); /* milliseconds until the next one, -1 for ever */
void timers_free(void);
