#pragma once
/* Memory that lives as long as one call.  Never returns NULL; freed all at once. */
#include <stddef.h>

struct arena {
    struct arena_block *top; /* {0} is an empty arena */
};

/* n zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);
/* A NUL-terminated copy of n bytes. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* A formatted string. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Frees everything but keeps one block, so that the next call does not allocate again. */
void arena_reset(struct arena *a);
/* Frees everything. */
void arena_drop(struct arena *a);
