/* Repairs of foreign text: bad UTF-8, lone surrogates, NUL, control characters, our own key. */
#include "chatd/upstream/mend.h"

#include <stdbool.h>
#include <string.h>

#include "common/digest.h"
#include "common/json.h"
#include "common/text.h"
#include "common/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define SECRET_MIN  8

/* The value of the escape \uXXXX at p, or -1 if there is none. */
static int escape_value(const char *p, size_t n)
{
    int value = 0;

    if (n < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high(int v)
{
    return v >= 0xd800 && v < 0xdc00;
}

static bool is_low(int v)
{
    return v >= 0xdc00 && v < 0xe000;
}

/* Appends the escape that begins at p, mended; returns its bytes. */
static size_t mend_escape(struct text *out, const char *p, size_t n)
{
    int value = escape_value(p, n);

    if (is_high(value) && is_low(escape_value(p + 6, n - 6))) {
        text_add(out, p, 12);
        return 12;
    }
    if (is_high(value) || is_low(value) || value == 0) {
        text_puts(out, "\\ufffd");
        return 6;
    }
    size_t size = n < 2 || (p[1] & 0x80) ? 1 : 2;
    text_add(out, p, size);
    return size;
}

static bool has_unicode_escape(const char *p, size_t n)
{
    const char *end = p + n;

    while ((p = memchr(p, '\\', (size_t)(end - p))) && p + 1 < end) {
        if (p[1] == 'u')
            return true;
        p++;
    }
    return false;
}

static bool is_whole(const char *data, size_t size)
{
    return !has_unicode_escape(data, size) && utf8_check(data, size);
}

void mend_json(struct text *scratch, const char **data, size_t *size)
{
    const char *p = *data;
    size_t left = *size;

    if (is_whole(p, left))
        return;
    text_clear(scratch);
    while (left > 0) {
        size_t n = 1;
        if (*p == '\\') {
            n = mend_escape(scratch, p, left);
        } else if (!(*p & 0x80)) {
            while (n < left && p[n] != '\\' && !(p[n] & 0x80))
                n++;
            text_add(scratch, p, n);
        } else if ((n = utf8_length((const unsigned char *)p, left)) > 0) {
            text_add(scratch, p, n);
        } else {
            n = 1;
            text_puts(scratch, REPLACEMENT);
        }
        p += n, left -= n;
    }
    *data = scratch->data;
    *size = scratch->size;
}

void mend_line(char *ret, size_t capacity, const char *s, size_t size, const char *secret)
{
    size_t used = 0, secret_size = secret ? strlen(secret) : 0, n, add;
    const char *piece;

    for (size_t at = 0; at < size; at += n) {
        const unsigned char *p = (const unsigned char *)s + at;
        n = utf8_length(p, size - at);
        if (secret_size >= SECRET_MIN && size - at >= secret_size &&
            memcmp(p, secret, secret_size) == 0) {
            n = secret_size;
            piece = "[key]", add = 5;
        } else if (n == 0) {
            n = 1;
            piece = REPLACEMENT, add = 3;
        } else if (*p < 0x20 || *p == 0x7f || (n == 2 && *p == 0xc2 && p[1] < 0xa0)) {
            piece = " ", add = 1;
        } else {
            piece = s + at, add = n;
        }
        if (used + add >= capacity)
            break;
        memcpy(ret + used, piece, add);
        used += add;
    }
    ret[used] = '\0';
}

void mend_id(char *ret, size_t capacity, const char *s, const char *secret)
{
    size_t n = 0;

    if (secret && strlen(secret) >= SECRET_MIN && strstr(s, secret))
        s = "";
    while (n + 1 < capacity && s[n] > ' ' && s[n] < 0x7f && !strchr("\"'\\<>", s[n]))
        n++;
    memcpy(ret, s, n);
    ret[n] = '\0';
}
