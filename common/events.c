/* The records of an EVENT message. */
#include "common/events.h"

#include <assert.h>
#include <string.h>

#include "common/text.h"

/* what, attempt, cursor, size */
#define FIXED (1 + 4 + 8 + 4)

static void number_add(struct text *to, uint64_t v, size_t bytes)
{
    char *p = text_reserve(to, bytes);

    for (size_t i = 0; i < bytes; i++)
        p[i] = (char)(v >> (8 * i));
    to->size += bytes;
}

static uint64_t number_at(const char *p, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return v;
}

void event_append(struct text *to, const struct event *e)
{
    size_t n = strlen(e->topic);

    assert(n <= UINT8_MAX && e->size <= UINT32_MAX);
    number_add(to, n, 1);
    text_add(to, e->topic, n + 1);
    number_add(to, (uint64_t)e->what, 1);
    number_add(to, e->attempt, 4);
    number_add(to, e->cursor, 8);
    number_add(to, e->size, 4);
    text_add(to, e->data, e->size);
}

int event_next(const char *data, size_t size, size_t *at, struct event *ret)
{
    const char *p;
    size_t left, n;

    if (*at >= size)
        return *at == size ? 0 : -1;
    p = data + *at;
    left = size - *at;
    n = (unsigned char)p[0];
    if (left < 1 + n + 1 + FIXED || p[1 + n] != '\0' || memchr(p + 1, '\0', n))
        return -1;
    ret->topic = p + 1;
    p += 1 + n + 1;
    left -= 1 + n + 1;
    if ((unsigned char)p[0] > EVENT_KEYS)
        return -1;
    ret->what = (enum event_what)p[0];
    ret->attempt = (uint32_t)number_at(p + 1, 4);
    ret->cursor = number_at(p + 5, 8);
    ret->size = number_at(p + 13, 4);
    if (ret->size > left - FIXED)
        return -1;
    ret->data = p + FIXED;
    *at = (size_t)(p - data) + FIXED + ret->size;
    return 1;
}
