/* Server-sent events as they are written. */
#include "gateway/stream/sse.h"

#include <string.h>

#include "common/text.h"

static const char *line_end(const char *from, const char *end)
{
    while (from < end && *from != '\n' && *from != '\r')
        from++;
    return from;
}

static void data_write(struct text *out, const char *data, size_t size)
{
    const char *end = data + size;

    for (;;) {
        const char *to = line_end(data, end);
        text_puts(out, "data: ");
        text_add(out, data, (size_t)(to - data));
        text_putc(out, '\n');
        if (to == end)
            return;
        data = to + (to + 1 < end && to[0] == '\r' && to[1] == '\n' ? 2 : 1);
    }
}

void sse_event(struct text *out, const char *name, uint64_t id, const char *data, size_t size)
{
    if (id != SSE_NO_ID)
        text_printf(out, "id: %llu\n", (unsigned long long)id);
    text_printf(out, "event: %s\n", name);
    data_write(out, data, size);
    text_putc(out, '\n');
}

void sse_comment(struct text *out)
{
    text_puts(out, ":\n\n");
}

void sse_retry(struct text *out, unsigned ms)
{
    text_printf(out, "retry: %u\n\n", ms);
}
