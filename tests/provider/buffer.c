/* A growing run of bytes: network input and output, and everything that is formatted. */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_FIRST = 1024,
    BUFFER_KEEP = 32768, /* an empty buffer above this is freed: idle connections stay small */
};

char *buffer_reserve(struct buffer *b, size_t length)
{
    size_t room = b->room ? b->room : BUFFER_FIRST;

    if (b->room - b->end >= length && b->room)
        return b->data + b->end;
    if (b->start && b->room - buffer_length(b) >= length) {
        memmove(b->data, b->data + b->start, buffer_length(b));
        b->end -= b->start;
        b->start = 0;
        return b->data + b->end;
    }
    while (room - b->end < length)
        room *= 2;
    b->data = realloc(b->data, room);
    if (!b->data)
        abort();
    b->room = room;
    return b->data + b->end;
}

void buffer_took(struct buffer *b, size_t length)
{
    b->end += length;
}

void buffer_add(struct buffer *b, const char *bytes, size_t length)
{
    if (!length)
        return;
    memcpy(buffer_reserve(b, length), bytes, length);
    b->end += length;
}

void buffer_text(struct buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_number(struct buffer *b, long long number)
{
    char digits[24], *at = digits + sizeof digits;
    unsigned long long left =
        number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0)
        *--at = '-';
    buffer_add(b, at, (size_t)(digits + sizeof digits - at));
}

void buffer_print(struct buffer *b, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        abort();
    buffer_reserve(b, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(b->data + b->end, (size_t)length + 1, format, args);
    va_end(args);
    b->end += (size_t)length;
}

static void json_escape(struct buffer *b, unsigned char byte)
{
    static const char *const shorts = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte, letter, byte, letter... */

    for (const char *s = shorts; *s; s += 2) {
        if ((unsigned char)*s == byte) {
            buffer_add(b, "\\", 1);
            buffer_add(b, s + 1, 1);
            return;
        }
    }
    buffer_print(b, "\\u%04x", byte);
}

void buffer_json(struct buffer *b, const char *bytes, size_t length)
{
    size_t from = 0;

    buffer_reserve(b, length + 2);
    buffer_add(b, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        buffer_add(b, bytes + from, i - from);
        json_escape(b, byte);
        from = i + 1;
    }
    buffer_add(b, bytes + from, length - from);
    buffer_add(b, "\"", 1);
}

void buffer_json_text(struct buffer *b, const char *text)
{
    if (text)
        buffer_json(b, text, strlen(text));
    else
        buffer_add(b, "null", 4);
}

void buffer_consume(struct buffer *b, size_t length)
{
    b->start += length;
    if (b->start == b->end)
        buffer_clear(b);
}

void buffer_clear(struct buffer *b)
{
    b->start = 0;
    b->end = 0;
    if (b->room > BUFFER_KEEP)
        buffer_free(b);
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}

char *buffer_take(struct buffer *b)
{
    char *text;

    buffer_add(b, "", 1);
    text = realloc(b->data, b->end);
    if (!text)
        abort();
    *b = (struct buffer){0};
    return text;
}
