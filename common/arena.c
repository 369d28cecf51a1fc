/* A chain of blocks that allocations are cut from one after the other. */
#include "common/arena.h"

#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN 4096            /* bytes of the first block */
#define BLOCK_MAX 65536           /* bytes that blocks grow to, doubling */
#define LARGE     (BLOCK_MAX / 4) /* from here on a request gets a block of its own */
#define ALIGN     _Alignof(max_align_t)

/* Bytes that nobody was given are poisoned: AddressSanitizer sees a handler that writes past its
 * memory or uses it after the call. */
struct arena_block {
    struct arena_block *next;
    size_t used, capacity;
    _Alignas(max_align_t) char data[];
};

static struct arena_block *block_new(size_t capacity)
{
    struct arena_block *b = malloc(sizeof *b + capacity);

    if (!b)
        abort();
    *b = (struct arena_block){.capacity = capacity};
    ASAN_POISON_MEMORY_REGION(b->data, capacity);
    return b;
}

static void block_free(struct arena_block *b)
{
    ASAN_UNPOISON_MEMORY_REGION(b->data, b->capacity);
    free(b);
}

/* The block that has room for n bytes (a multiple of ALIGN). */
static struct arena_block *block_for(struct arena *a, size_t n)
{
    struct arena_block *b;
    size_t capacity = BLOCK_MIN;

    if (a->top && n <= a->top->capacity - a->top->used)
        return a->top;
    if (n >= LARGE) {
        /* behind the top, which still has room for small requests */
        b = block_new(n);
        b->next = a->top ? a->top->next : NULL;
        *(a->top ? &a->top->next : &a->top) = b;
        return b;
    }
    if (a->top && a->top->capacity * 2 > capacity)
        capacity = a->top->capacity * 2;
    if (capacity > BLOCK_MAX)
        capacity = BLOCK_MAX;
    while (capacity < n)
        capacity *= 2;
    b = block_new(capacity);
    b->next = a->top;
    return a->top = b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct arena_block *b;
    char *p;

    if (n > SIZE_MAX / 4)
        abort();
    b = block_for(a, (n + ALIGN - 1) / ALIGN * ALIGN);
    p = b->data + b->used;
    b->used += (n + ALIGN - 1) / ALIGN * ALIGN;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return memset(p, 0, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);

    if (n)
        memcpy(copy, s, n);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    char *s;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        abort();
    s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;

    for (struct arena_block *b = a->top, *next; b; b = next) {
        next = b->next;
        if (kept || b->capacity > BLOCK_MAX)
            block_free(b);
        else
            kept = b;
    }
    a->top = kept;
    if (!kept)
        return;
    kept->next = NULL;
    kept->used = 0;
    ASAN_POISON_MEMORY_REGION(kept->data, kept->capacity);
}

void arena_drop(struct arena *a)
{
    for (struct arena_block *b = a->top, *next; b; b = next) {
        next = b->next;
        block_free(b);
    }
    a->top = NULL;
}
