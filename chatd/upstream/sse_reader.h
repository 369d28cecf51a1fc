#pragma once
/*
 * Reads a server-sent event stream (WHATWG HTML, "Server-sent events") in pieces of any size.
 * Lines end with LF, CR or CRLF; a byte order mark, comments, `id` and `retry` are passed over;
 * an event that the stream's end cuts off is not given.
 */
#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/* Bytes of a line and of an event's data.  The event that ends an answer repeats its text, so this
 * holds the longest answer that can be asked for (131,072 tokens). */
#define SSE_EVENT_MAX (4 * 1024 * 1024)
#define SSE_NAME_MAX  64 /* with NUL; longer names are cut, which no known name equals */

struct sse_event {
    const char *name; /* "" if the stream gives none */
    const char *data; /* not empty, NUL-terminated; lines joined by LF */
    size_t size;
};

struct sse_reader {
    struct text line; /* begun by earlier pieces */
    struct text data;
    char name[SSE_NAME_MAX];
    bool begun;    /* the first line was read */
    bool has_data; /* the event has a data line */
    bool skip_lf;  /* the last byte was a CR */
};

/* Takes an event, whose strings die with the return.  False stops the reading. */
typedef bool sse_event_fn(void *state, const struct sse_event *e);

/*
 * Reads the next piece.  True, also when fn stopped it; false: a line or event is larger than
 * SSE_EVENT_MAX, and nothing more can be read.
 */
bool sse_reader_feed(struct sse_reader *r, const char *bytes, size_t size, sse_event_fn *fn,
                     void *state) __attribute__((warn_unused_result));

/* Ready for another stream; keeps a little memory. */
void sse_reader_reset(struct sse_reader *r);
void sse_reader_drop(struct sse_reader *r);
