/* A binary heap of what is due. */
#include "chatd/upstream/due_heap.h"

#include <stdlib.h>

static void put(struct due_heap *h, size_t i, struct due *d)
{
    h->items[i] = d;
    d->place = i + 1;
}

static void rise(struct due_heap *h, struct due *d)
{
    size_t i = d->place - 1;

    while (i > 0 && h->items[(i - 1) / 2]->at_us > d->at_us) {
        put(h, i, h->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, d);
}

static void sink(struct due_heap *h, struct due *d)
{
    size_t i = d->place - 1;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && h->items[child + 1]->at_us < h->items[child]->at_us)
            child++;
        if (h->items[child]->at_us >= d->at_us)
            break;
        put(h, i, h->items[child]);
        i = child;
    }
    put(h, i, d);
}

void due_set(struct due_heap *h, struct due *d, int64_t at_us)
{
    if (d->place == 0) {
        if (h->count == h->capacity) {
            h->capacity = h->capacity ? 2 * h->capacity : 64;
            h->items = reallocarray(h->items, h->capacity, sizeof *h->items);
            if (!h->items)
                abort();
        }
        put(h, h->count++, d);
    }
    d->at_us = at_us;
    rise(h, d);
    sink(h, d);
}

void due_unset(struct due_heap *h, struct due *d)
{
    if (d->place == 0)
        return;
    struct due *last = h->items[--h->count];
    size_t i = d->place - 1;
    d->place = 0;
    if (last == d)
        return;
    put(h, i, last);
    rise(h, last);
    sink(h, last);
}

struct due *due_first(const struct due_heap *h)
{
    return h->count > 0 ? h->items[0] : NULL;
}

void due_heap_drop(struct due_heap *h)
{
    free(h->items);
    *h = (struct due_heap){0};
}
