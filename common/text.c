/* A growable byte buffer and the JSON that is written into it. */
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256

char *text_reserve(struct text *t, size_t n)
{
    size_t capacity = t->capacity ? t->capacity : CAPACITY_MIN;

    if (n >= SIZE_MAX / 4 - t->size)
        abort();
    if (t->size + n + 1 > t->capacity) {
        while (capacity < t->size + n + 1)
            capacity *= 2;
        t->data = realloc(t->data, capacity);
        if (!t->data)
            abort();
        t->capacity = capacity;
    }
    t->data[t->size] = '\0';
    t->data[t->size + n] = '\0';
    return t->data + t->size;
}

void text_add(struct text *t, const void *data, size_t n)
{
    char *to = text_reserve(t, n);

    if (n)
        memcpy(to, data, n);
    t->size += n;
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
    *text_reserve(t, 1) = c;
    t->size++;
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list args, again;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        abort();
    vsnprintf(text_reserve(t, (size_t)n), (size_t)n + 1, fmt, again);
    va_end(again);
    t->size += (size_t)n;
}

void text_i64(struct text *t, int64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;

    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (v < 0)
        digits[--at] = '-';
    text_add(t, digits + at, sizeof digits - at);
}

/* What follows the backslash for a byte that must be escaped ('u': \u00XX); 0: written as it is. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static void escape_add(struct text *t, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char *as = (char[]){'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};

    text_add(t, as, escapes[c] == 'u' ? 6 : 2);
}

void text_json(struct text *t, const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t from = 0, at = 0;

    text_reserve(t, n + 2);
    text_putc(t, '"');
    for (;;) {
        while (at < n && !escapes[p[at]])
            at++;
        text_add(t, at > from ? s + from : "", at - from);
        if (at == n)
            break;
        escape_add(t, p[at]);
        from = ++at;
    }
    text_putc(t, '"');
}

void text_json_name(struct text *t, const char *name)
{
    char last = '{';

    if (t->size)
        last = t->data[t->size - 1];
    if (last != '{' && last != '[')
        text_putc(t, ',');
    text_json(t, name, strlen(name));
    text_putc(t, ':');
}

void text_member_str(struct text *t, const char *name, const char *s)
{
    text_json_name(t, name);
    if (s)
        text_json(t, s, strlen(s));
    else
        text_puts(t, "null");
}

void text_member_i64(struct text *t, const char *name, int64_t v)
{
    text_json_name(t, name);
    text_i64(t, v);
}

void text_clear(struct text *t)
{
    t->size = 0;
    if (t->data)
        t->data[0] = '\0';
}

void text_drop(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}
