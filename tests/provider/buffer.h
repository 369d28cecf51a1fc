#pragma once
/* A growing run of bytes with a read position; allocation failure aborts. */
#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;
    size_t start; /* bytes before it are consumed */
    size_t end;
    size_t room;
};

static inline size_t buffer_length(const struct buffer *b)
{
    return b->end - b->start;
}

static inline const char *buffer_at(const struct buffer *b)
{
    return b->data + b->start;
}

/* Makes space for `length` more bytes and returns where they go; buffer_took() then counts them. */
char *buffer_reserve(struct buffer *b, size_t length);
void buffer_took(struct buffer *b, size_t length);

void buffer_add(struct buffer *b, const char *bytes, size_t length);
void buffer_text(struct buffer *b, const char *text);
void buffer_number(struct buffer *b, long long number);
void buffer_print(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/* Adds a JSON string with its quotes; bytes above 0x7f pass as they are, valid or not. */
void buffer_json(struct buffer *b, const char *bytes, size_t length);
void buffer_json_text(struct buffer *b, const char *text); /* NULL becomes null */

/* Drops `length` bytes from the front; an empty buffer gives big memory back. */
void buffer_consume(struct buffer *b, size_t length);
void buffer_clear(struct buffer *b);
void buffer_free(struct buffer *b);

/* Takes the content over as a text of its own; the buffer must not have been consumed from. */
char *buffer_take(struct buffer *b);
