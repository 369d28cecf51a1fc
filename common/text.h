#pragma once
/* A growable byte buffer, always NUL-terminated, and the JSON that is written into it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data; /* NULL while empty */
    size_t size, capacity;
};

/* Allocation failure aborts: what goes into a text is bounded. */
void text_add(struct text *t, const void *data, size_t n);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_i64(struct text *t, int64_t v);
/* Room for n more bytes behind data + size; the caller adds to size what it used, and sets the NUL
 * there if that is less than n. */
char *text_reserve(struct text *t, size_t n);
/* A JSON string with its quotes; n bytes of valid UTF-8. */
void text_json(struct text *t, const char *s, size_t n);
/* ,"name": with the comma only when something precedes it in its object ('{' or '[' came before).
 */
void text_json_name(struct text *t, const char *name);
/* "name":"s" / "name":n members, comma as above; a NULL s is null. */
void text_member_str(struct text *t, const char *name, const char *s);
void text_member_i64(struct text *t, const char *name, int64_t v);
/* Empties it and keeps the memory / frees it.  Accept {0}. */
void text_clear(struct text *t);
void text_drop(struct text *t);
