#pragma once
/* Things that are due some time, the earliest first: a binary heap of borrowed entries. */
#include <stddef.h>
#include <stdint.h>

/* Embedded in what is due; {0} is in no heap. */
struct due {
    int64_t at_us;
    size_t place; /* index + 1 in the heap, 0: in none */
};

struct due_heap {
    struct due **items;
    size_t count, capacity;
};

/* Puts it in, or moves it. */
void due_set(struct due_heap *h, struct due *d, int64_t at_us);
/* Takes it out; nothing happens if it is in none. */
void due_unset(struct due_heap *h, struct due *d);
/* The earliest, or NULL. */
struct due *due_first(const struct due_heap *h);
void due_heap_drop(struct due_heap *h);
