/* Event streams: any bytes, cut anywhere, give the same events. */
#include <string.h>

#include "chatd/upstream/sse_reader.h"
#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

static bool write_down(void *state, const struct sse_event *e)
{
    struct text *seen = state;

    must(e->size > 0 && e->data[e->size] == '\0');
    must(strlen(e->name) < SSE_NAME_MAX);
    text_puts(seen, e->name);
    text_putc(seen, '\0');
    text_add(seen, e->data, e->size);
    text_putc(seen, '\0');
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(sse_reader_drop) struct sse_reader whole = {0}, pieces = {0};
    cleanup(text_drop) struct text a = {0}, b = {0};
    size_t piece = size > 0 ? data[0] % 7 + 1 : 1;

    must(sse_reader_feed(&whole, (const char *)data, size, write_down, &a));
    for (size_t at = 0; at < size; at += piece)
        must(sse_reader_feed(&pieces, (const char *)data + at,
                             size - at < piece ? size - at : piece, write_down, &b));
    must(a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0));
    return 0;
}
