#pragma once
/*
 * Where a reader of a turn's events is, as the events' ids say it: the attempt, and the bytes of
 * that attempt's text that it has.  So the place is a fact about the text, and any process that
 * knows the text can go on from it.  The id of the turn's last event is one more.
 */
#include <stdbool.h>
#include <stdint.h>

#define CURSOR_BYTES_MAX UINT32_MAX

static inline uint64_t cursor_make(uint32_t attempt, uint64_t bytes)
{
    return (uint64_t)attempt << 32 | bytes;
}

static inline uint32_t cursor_attempt(uint64_t cursor)
{
    return (uint32_t)(cursor >> 32);
}

static inline uint32_t cursor_bytes(uint64_t cursor)
{
    return (uint32_t)cursor;
}

/* Reads an id as it was sent: digits alone, without leading zeros, at most INT64_MAX. */
bool cursor_parse(const char *s, uint64_t *ret) __attribute__((warn_unused_result));
