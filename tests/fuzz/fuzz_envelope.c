/* Head frames of the bus: what is read is written again byte for byte. */
#include <string.h>

#include "proto/envelope.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char again[ENVELOPE_HEAD_MAX + 65536];
    struct envelope e;
    size_t n;

    if (envelope_decode(data, size, &e) != 0)
        return 0;
    must(envelope_kind_name(e.kind)[0] != '?');
    n = envelope_encode(&e, again, sizeof again);
    must(n == size && memcmp(again, data, n) == 0);
    must(envelope_encode(&e, again, n - 1) == 0);
    return 0;
}
