/*
 * Range and If-Range of a download: the part that is sent lies within the whole.
 * Input: size of the whole (8 bytes, little endian), Range, NUL, If-Range.
 */
#include <string.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;
    struct call c = {0};
    int64_t whole = 0, first = -1, count = -1;
    const char *if_range;

    if (size < 8 || size > 512)
        return 0;
    for (int i = 7; i >= 0; i--)
        whole = (int64_t)((uint64_t)whole << 8 | data[i]);
    whole &= (INT64_C(1) << 50) - 1;
    text = calloc(1, size - 7);
    must(text != NULL);
    memcpy(text, data + 8, size - 8);
    if_range = strlen(text) + 1 < size - 8 ? text + strlen(text) + 1 : NULL;
    call_range(&c, text, if_range, SHA, whole, &first, &count);
    must(first >= 0 && count >= 0 && first <= whole && count <= whole - first);
    must(c.http == 0 || c.http == 206 || c.http == 416);
    must(c.http != 416 || count == 0);
    must(c.http != 206 || count > 0);
    must(c.http != 0 || (first == 0 && count == whole));
    return 0;
}
