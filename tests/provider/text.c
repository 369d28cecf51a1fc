/* UTF-8: validity, and cuts that keep code points whole. */
#include "text.h"

#include <stdint.h>
#include <string.h>

static bool tail_byte(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Length of the valid code point at `s`, 0 when there is none. */
static size_t point_length(const unsigned char *s, size_t left)
{
    size_t length = *s < 0xE0 ? 2 : *s < 0xF0 ? 3 : 4;

    if (*s < 0x80)
        return 1;
    if (*s < 0xC2 || *s > 0xF4 || left < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (!tail_byte((char)s[i]))
            return 0;
    if ((*s == 0xE0 && s[1] < 0xA0) || (*s == 0xED && s[1] > 0x9F) || (*s == 0xF0 && s[1] < 0x90) ||
        (*s == 0xF4 && s[1] > 0x8F))
        return 0;
    return length;
}

bool text_valid(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length) {
        uint64_t eight;
        size_t step;

        if (i + 8 <= length) {
            memcpy(&eight, text + i, 8);
            if (!(eight & 0x8080808080808080ULL)) {
                i += 8;
                continue;
            }
        }
        step = point_length((const unsigned char *)text + i, length - i);
        if (!step)
            return false;
        i += step;
    }
    return true;
}

size_t text_floor(const char *text, size_t length, size_t at)
{
    if (at >= length)
        return length;
    for (int i = 0; i < 3 && at && tail_byte(text[at]); i++)
        at--;
    return at;
}
