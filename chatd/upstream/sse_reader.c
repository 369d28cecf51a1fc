/* Lines and events of a server-sent event stream, however it is cut into pieces. */
#include "chatd/upstream/sse_reader.h"

#include <string.h>

#define KEEP 65536 /* bytes of a buffer that outlive an event */

static void clear(struct text *t)
{
    if (t->capacity > KEEP)
        text_drop(t);
    else
        text_clear(t);
}

/* The first CR or LF, or NULL. */
static const char *line_end(const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);
    const char *cr = memchr(p, '\r', lf ? (size_t)(lf - p) : n);

    return cr ? cr : lf;
}

static bool dispatch(struct sse_reader *r, sse_event_fn *fn, void *state)
{
    bool on = true;

    if (r->has_data && r->data.size > 0)
        on = fn(state, &(struct sse_event){r->name, r->data.data, r->data.size});
    clear(&r->data);
    r->has_data = false;
    r->name[0] = '\0';
    return on;
}

static bool is_field(const char *line, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(line, name, n) == 0;
}

/* One field of the event.  False: too large. */
static bool field(struct sse_reader *r, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : n, skip = colon ? name + 1 : n;

    if (skip < n && line[skip] == ' ')
        skip++;
    if (is_field(line, name, "data")) {
        if (r->data.size + (n - skip) >= SSE_EVENT_MAX)
            return false;
        if (r->has_data)
            text_putc(&r->data, '\n');
        text_add(&r->data, line + skip, n - skip);
        r->has_data = true;
    } else if (is_field(line, name, "event")) {
        size_t size = n - skip < sizeof r->name ? n - skip : sizeof r->name - 1;
        memcpy(r->name, line + skip, size);
        r->name[size] = '\0';
    }
    return true;
}

/* A whole line.  False stops; *ret_large says whether it was too large. */
static bool line(struct sse_reader *r, const char *p, size_t n, sse_event_fn *fn, void *state,
                 bool *ret_large)
{
    if (!r->begun && n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3, n -= 3;
    r->begun = true;
    if (n == 0)
        return dispatch(r, fn, state);
    *ret_large = !field(r, p, n);
    return !*ret_large;
}

bool sse_reader_feed(struct sse_reader *r, const char *bytes, size_t size, sse_event_fn *fn,
                     void *state)
{
    bool on = true, large = false;

    while (on && size > 0) {
        if (r->skip_lf && *bytes == '\n') {
            bytes++, size--;
            r->skip_lf = false;
            continue;
        }
        r->skip_lf = false;
        const char *end = line_end(bytes, size);
        size_t n = end ? (size_t)(end - bytes) : size;
        if (r->line.size + n > SSE_EVENT_MAX)
            return false;
        if (!end) {
            text_add(&r->line, bytes, n);
            return true;
        }
        if (r->line.size > 0) {
            text_add(&r->line, bytes, n);
            on = line(r, r->line.data, r->line.size, fn, state, &large);
            clear(&r->line);
        } else {
            on = line(r, bytes, n, fn, state, &large);
        }
        r->skip_lf = *end == '\r';
        bytes += n + 1, size -= n + 1;
    }
    return !large;
}

void sse_reader_reset(struct sse_reader *r)
{
    clear(&r->line);
    clear(&r->data);
    r->name[0] = '\0';
    r->begun = r->has_data = r->skip_lf = false;
}

void sse_reader_drop(struct sse_reader *r)
{
    text_drop(&r->line);
    text_drop(&r->data);
}
