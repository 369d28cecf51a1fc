/* The strict scanner: RFC 8259 and not a byte more, in one pass. */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/digest.h"
#include "common/utf8.h"

#define FEW_NAMES 16 /* members up to which names are compared one by one, not sorted */

/* A member name, unescaped. */
struct name {
    const char *text;
    size_t size;
};

/* Names of all objects that are open, the innermost last. */
struct names {
    struct name *data, on_stack[64];
    size_t count, capacity;
};

struct scan {
    const unsigned char *at, *end;
    const char *why; /* NULL while all is well */
    size_t elements;
    unsigned depth;
    struct names names;
    struct arena unescaped; /* of names with escapes; never larger than the input */
};

static bool wrong(struct scan *s, const char *why)
{
    s->why = why;
    return false;
}

static void space_skip(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

/* Steps over c. */
static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != (unsigned char)c)
        return false;
    s->at++;
    return true;
}

/* ---- strings ------------------------------------------------------------------------------ */

/* Reads the four digits behind \u.  -1: not four hex digits. */
static int hex4(struct scan *s)
{
    int v = 0;

    if (s->end - s->at < 4)
        return -1;
    for (int i = 0; i < 4; i++, s->at++) {
        int digit = hex_value((char)*s->at);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* Reads what follows \u, both halves of a surrogate pair.  -1: s->why is set. */
static int32_t code_point(struct scan *s)
{
    int high = hex4(s), low;

    if (high < 0)
        return wrong(s, "bad escape in a string"), -1;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || !take(s, '\\') || !take(s, 'u') || (low = hex4(s)) < 0xdc00 ||
        low > 0xdfff)
        return wrong(s, "a surrogate without its other half"), -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Writes a code point as UTF-8 (surrogates never come here); returns its bytes. */
static size_t utf8_write(char *to, int32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (n == 1) {
        to[0] = (char)c;
        return n;
    }
    to[0] = (char)(0xf00 >> n | c >> (6 * (n - 1)));
    for (size_t i = 1; i < n; i++)
        to[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    return n;
}

/* Reads what follows a backslash.  Returns the bytes written to `to` (4 fit), 0: s->why is set. */
static size_t escape_read(struct scan *s, char *to)
{
    static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    const char *known;
    int32_t c;

    if (take(s, 'u')) {
        c = code_point(s);
        return c < 0 ? 0 : utf8_write(to, c);
    }
    known = s->at < s->end && *s->at ? strchr(from, *s->at) : NULL;
    if (!known)
        return wrong(s, "bad escape in a string"), 0;
    s->at++;
    *to = plain[known - from];
    return 1;
}

/*
 * Checks the string behind its opening quote.  ret_escapes says whether it has any.
 * The string's bytes lie from the old s->at up to the quote before the new one.
 */
static bool string_scan(struct scan *s, bool *ret_escapes)
{
    char unused[4];
    size_t n;

    *ret_escapes = false;
    while (s->at < s->end) {
        unsigned char c = *s->at;
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c == '\\') {
            *ret_escapes = true;
            s->at++;
            if (escape_read(s, unused) == 0)
                return false;
        } else if (c >= ' ' && c < 0x80) {
            s->at++;
        } else if (c < ' ') {
            return wrong(s, "a control character in a string");
        } else if ((n = utf8_length(s->at, (size_t)(s->end - s->at))) == 0) {
            return wrong(s, "not valid UTF-8");
        } else {
            s->at += n;
        }
    }
    return wrong(s, "a string without its end");
}

/* ---- member names ------------------------------------------------------------------------- */

static int name_compare(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x->size ? memcmp(x->text, y->text, x->size) : 0;
}

/* The same name without escapes, which string_scan() found to be good. */
static struct name name_unescape(struct scan *s, struct name raw)
{
    struct scan in = {.at = (const unsigned char *)raw.text};
    char *to = arena_alloc(&s->unescaped, raw.size);
    struct name ret = {to, 0};

    in.end = in.at + raw.size;
    while (in.at < in.end) {
        if (take(&in, '\\'))
            ret.size += escape_read(&in, to + ret.size);
        else
            to[ret.size++] = (char)*in.at++;
    }
    return ret;
}

static void name_push(struct names *names, struct name name)
{
    if (names->count == names->capacity) {
        bool moved = names->data != names->on_stack;
        struct name *data =
            realloc(moved ? names->data : NULL, 2 * names->capacity * sizeof *names->data);
        if (!data)
            abort();
        if (!moved)
            memcpy(data, names->on_stack, sizeof names->on_stack);
        names->data = data;
        names->capacity *= 2;
    }
    names->data[names->count++] = name;
}

/* Whether two of the names from `first` on are the same.  May sort them. */
static bool names_repeat(struct names *names, size_t first)
{
    struct name *data = names->data + first;
    size_t count = names->count - first;

    if (count <= FEW_NAMES) {
        for (size_t i = 1; i < count; i++)
            for (size_t k = 0; k < i; k++)
                if (name_compare(&data[i], &data[k]) == 0)
                    return true;
        return false;
    }
    qsort(data, count, sizeof *data, name_compare);
    for (size_t i = 1; i < count; i++)
        if (name_compare(&data[i], &data[i - 1]) == 0)
            return true;
    return false;
}

static bool name_scan(struct scan *s)
{
    struct name name;
    bool escapes;

    if (!take(s, '"'))
        return wrong(s, "a member name in quotes was expected");
    name.text = (const char *)s->at;
    if (!string_scan(s, &escapes))
        return false;
    name.size = (size_t)((const char *)s->at - 1 - name.text);
    if (escapes)
        name = name_unescape(s, name);
    if (name.size && memchr(name.text, '\0', name.size))
        return wrong(s, "a NUL in a member name");
    name_push(&s->names, name);
    return true;
}

/* ---- values ------------------------------------------------------------------------------- */

static bool value_scan(struct scan *s);

static bool element_count(struct scan *s)
{
    return ++s->elements <= JSON_ELEMENTS_MAX || wrong(s, "too many elements");
}

static bool member_scan(struct scan *s)
{
    space_skip(s);
    if (!element_count(s) || !name_scan(s))
        return false;
    space_skip(s);
    if (!take(s, ':'))
        return wrong(s, "a colon was expected");
    return value_scan(s);
}

static bool object_scan(struct scan *s)
{
    size_t first = s->names.count;

    space_skip(s);
    if (take(s, '}'))
        return true;
    do {
        if (!member_scan(s))
            return false;
    } while (take(s, ','));
    if (!take(s, '}'))
        return wrong(s, "a comma or } was expected");
    if (names_repeat(&s->names, first))
        return wrong(s, "a member name is given twice");
    s->names.count = first;
    return true;
}

static bool array_scan(struct scan *s)
{
    space_skip(s);
    if (take(s, ']'))
        return true;
    do {
        if (!element_count(s) || !value_scan(s))
            return false;
    } while (take(s, ','));
    return take(s, ']') || wrong(s, "a comma or ] was expected");
}

/* Steps over digits; false when there is none. */
static bool digits_skip(struct scan *s)
{
    const unsigned char *from = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

static bool number_scan(struct scan *s)
{
    bool good;

    take(s, '-');
    good = take(s, '0') || digits_skip(s);
    if (good && take(s, '.'))
        good = digits_skip(s);
    if (good && (take(s, 'e') || take(s, 'E'))) {
        if (!take(s, '+'))
            take(s, '-');
        good = digits_skip(s);
    }
    return good || wrong(s, "not a JSON value");
}

static bool word_scan(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return wrong(s, "not a JSON value");
    s->at += n;
    return true;
}

/* Any value and the space around it.  Calls itself at most JSON_DEPTH_MAX deep. */
static bool value_scan(struct scan *s)
{
    bool good, escapes;

    space_skip(s);
    switch (s->at < s->end ? *s->at : '\0') {
    case '{':
    case '[':
        if (++s->depth > JSON_DEPTH_MAX)
            return wrong(s, "nested too deep");
        good = *s->at++ == '{' ? object_scan(s) : array_scan(s);
        s->depth--;
        break;
    case '"':
        s->at++;
        good = string_scan(s, &escapes);
        break;
    case 't':
        good = word_scan(s, "true");
        break;
    case 'f':
        good = word_scan(s, "false");
        break;
    case 'n':
        good = word_scan(s, "null");
        break;
    default:
        good = number_scan(s);
    }
    if (good)
        space_skip(s);
    return good;
}

bool json_check(const char *text, size_t size, const char **reterr_why)
{
    struct scan s = {.at = (const unsigned char *)text};

    s.end = size ? s.at + size : s.at;
    s.names.data = s.names.on_stack;
    s.names.capacity = sizeof s.names.on_stack / sizeof *s.names.on_stack;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        wrong(&s, "it begins with a byte order mark");
    else if (value_scan(&s) && s.at != s.end)
        wrong(&s, "something follows the JSON value");
    if (s.names.data != s.names.on_stack)
        free(s.names.data);
    arena_drop(&s.unescaped);
    if (s.why)
        *reterr_why = s.why;
    return !s.why;
}
