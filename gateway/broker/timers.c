/* The heap of timers. */
#include "gateway/broker/timers.h"

#include <assert.h>
#include <stdlib.h>

static void place(struct timers *t, size_t i, struct timer *timer)
{
    t->heap[i] = timer;
    timer->at = i + 1;
}

/* Moves the timer at i towards the root until its parent is not later. */
static void rise(struct timers *t, size_t i)
{
    struct timer *timer = t->heap[i];

    for (size_t up; i > 0 && t->heap[up = (i - 1) / 2]->due_us > timer->due_us; i = up)
        place(t, i, t->heap[up]);
    place(t, i, timer);
}

/* Moves the timer at i towards the leaves until its children are not earlier. */
static void sink(struct timers *t, size_t i)
{
    struct timer *timer = t->heap[i];

    for (size_t child; (child = 2 * i + 1) < t->count; i = child) {
        if (child + 1 < t->count && t->heap[child + 1]->due_us < t->heap[child]->due_us)
            child++;
        if (t->heap[child]->due_us >= timer->due_us)
            break;
        place(t, i, t->heap[child]);
    }
    place(t, i, timer);
}

void timers_set(struct timers *t, struct timer *timer, int64_t due_us)
{
    if (timer->at)
        timers_unset(t, timer);
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->heap = reallocarray(t->heap, t->capacity, sizeof *t->heap);
        if (!t->heap)
            abort();
    }
    timer->due_us = due_us;
    place(t, t->count++, timer);
    rise(t, t->count - 1);
}

void timers_unset(struct timers *t, struct timer *timer)
{
    size_t i = timer->at - 1;

    if (!timer->at)
        return;
    assert(i < t->count && t->heap[i] == timer);
    timer->at = 0;
    t->count--;
    if (i == t->count)
        return;
    place(t, i, t->heap[t->count]);
    rise(t, i);
    sink(t, i);
}

struct timer *timers_first(const struct timers *t)
{
    return t->count ? t->heap[0] : NULL;
}

void timers_drop(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){0};
}
