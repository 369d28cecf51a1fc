/* A title out of what a model said. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "chatd/titles.h"
#include "common/text.h"

/* What stands around titles and is no part of them. */
static const char *const marks[] = {" ",      "\t",     "\r",     "\"",     "'",      "`",
                                    "*",      "#",      "_",      "\u201c", "\u201d", "\u201e",
                                    "\u2018", "\u2019", "\u00ab", "\u00bb"};

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Bytes of a mark at the beginning (or else the end) of s, 0: none.  Control characters count: they
 * become blanks. */
static size_t mark_at(const char *s, size_t size, bool end)
{
    if (size && is_control(end ? s[size - 1] : *s))
        return 1;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (n <= size && memcmp(end ? s + size - n : s, marks[i], n) == 0)
            return n;
    }
    return 0;
}

static void strip(const char **s, size_t *size)
{
    size_t n;

    while ((n = mark_at(*s, *size, false))) {
        *s += n;
        *size -= n;
    }
    while ((n = mark_at(*s, *size, true)) || (*size && (*s)[*size - 1] == '.' && (n = 1)))
        *size -= n;
}

static bool is_inside(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes that fit: whole words, or where there is one long word whole characters. */
static size_t fitting(const char *s, size_t size)
{
    size_t n = TITLE_MAX, word;

    if (size <= TITLE_MAX)
        return size;
    while (n && is_inside(s[n]))
        n--;
    for (word = n; word && s[word] != ' '; word--)
        ;
    return word ? word : n;
}

void title_clean(struct text *out, const char *said, size_t size)
{
    const char *end = said + size;

    while (said < end) {
        const char *line = said, *stop = memchr(said, '\n', (size_t)(end - said));
        size_t n = (size_t)((stop ? stop : end) - line);
        said = stop ? stop + 1 : end;
        strip(&line, &n);
        if (n >= 6 && strncasecmp(line, "title:", 6) == 0) {
            line += 6;
            n -= 6;
            strip(&line, &n);
        }
        n = fitting(line, n);
        strip(&line, &n);
        if (!n)
            continue;
        for (size_t i = 0; i < n; i++)
            text_putc(out, is_control(line[i]) ? ' ' : line[i]);
        return;
    }
}
