/* Ids of events, as clients give them back. */
#include "gateway/stream/cursor.h"

bool cursor_parse(const char *s, uint64_t *ret)
{
    uint64_t n = 0;

    if (!*s || (s[0] == '0' && s[1]))
        return false;
    for (; *s; s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *ret = n;
    return true;
}
