/* Event records: what is read is written again byte for byte. */
#include <string.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(text_drop) struct text again = {0};
    struct event e;
    size_t at = 0, before = 0;
    int result;

    while ((result = event_next((const char *)data, size, &at, &e)) == 1) {
        must(at > before && at <= size);
        must(e.what <= EVENT_KEYS && strlen(e.topic) <= 255);
        event_append(&again, &e);
        must(again.size == at);
        before = at;
    }
    must(at == before);
    must((result == 0) == (at == size));
    must(at == 0 || memcmp(again.data, data, at) == 0);
    return 0;
}
