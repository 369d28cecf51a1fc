/* Whether bytes are UTF-8. */
#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

#include "common/json.h"

size_t utf8_length(const unsigned char *p, size_t size)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (n < 2)
        return n;
    if (n > size || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

bool utf8_check(const char *s, size_t size)
{
    const unsigned char *p = (const unsigned char *)s;
    uint64_t eight;

    for (size_t at = 0; at < size;) {
        if (size - at >= sizeof eight) {
            memcpy(&eight, p + at, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof eight;
                continue;
            }
        }
        size_t n = utf8_length(p + at, size - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}
