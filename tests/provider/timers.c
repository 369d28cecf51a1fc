/* A binary heap of timers, so that thousands of paced streams cost O(log n) each. */
#include "timers.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

static struct {
    struct timer **at;
    size_t count;
    size_t room;
} heap;

uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_ms(void)
{
    return clock_us() / 1000;
}

static void heap_put(size_t i, struct timer *timer)
{
    heap.at[i] = timer;
    timer->place = i + 1;
}

static void heap_up(size_t i, struct timer *timer)
{
    while (i && heap.at[(i - 1) / 2]->due > timer->due) {
        heap_put(i, heap.at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(i, timer);
}

static void heap_down(size_t i, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < heap.count && heap.at[child + 1]->due < heap.at[child]->due)
            child++;
        if (child >= heap.count || heap.at[child]->due >= timer->due)
            break;
        heap_put(i, heap.at[child]);
        i = child;
    }
    heap_put(i, timer);
}

void timer_set(struct timer *timer, uint64_t due, void (*fire)(struct timer *timer))
{
    timer_clear(timer);
    timer->due = due;
    timer->fire = fire;
    if (heap.count == heap.room) {
        heap.room = heap.room ? heap.room * 2 : 64;
        heap.at = realloc(heap.at, heap.room * sizeof(struct timer *));
        if (!heap.at)
            abort();
    }
    heap.count++;
    heap_up(heap.count - 1, timer);
}

void timer_clear(struct timer *timer)
{
    size_t i = timer->place - 1;
    struct timer *last;

    if (!timer->place)
        return;
    timer->place = 0;
    last = heap.at[--heap.count];
    if (last == timer)
        return;
    if (i && heap.at[(i - 1) / 2]->due > last->due)
        heap_up(i, last);
    else
        heap_down(i, last);
}

void timers_run(void)
{
    uint64_t now = heap.count ? clock_ms() : 0;

    while (heap.count && heap.at[0]->due <= now) {
        struct timer *timer = heap.at[0];
        timer_clear(timer);
        timer->fire(timer);
    }
}

int timers_wait(void)
{
    uint64_t now;

    if (!heap.count)
        return -1;
    now = clock_ms();
    if (heap.at[0]->due <= now)
        return 0;
    return heap.at[0]->due - now > INT_MAX ? INT_MAX : (int)(heap.at[0]->due - now);
}

void timers_free(void)
{
    free(heap.at);
    heap.at = NULL;
    heap.count = heap.room = 0;
}
