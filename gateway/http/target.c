/* The request target: percent-decoding of paths and queries, and its inverse. */
#include "gateway/http/target.h"

#include <string.h>

#include "common/digest.h"
#include "common/json.h"
#include "common/text.h"
#include "proto/api.h"

/* The byte that "%XX" at s means, or -1. */
static int escape_value(const char *s)
{
    int high = hex_value(s[1]), low = high < 0 ? -1 : hex_value(s[2]);

    return low < 0 ? -1 : high * 16 + low;
}

int path_decode(const char *raw, char *ret, const char **reterr_why)
{
    size_t n = 0;
    bool slash = false;

    for (const char *s = raw; *s; s++) {
        int c = (unsigned char)*s;
        if (*s == '%') {
            c = escape_value(s);
            *reterr_why = "the path holds an invalid escape";
            if (c < 0x20 || c == 0x7f)
                return BAD_REQUEST;
            slash |= c == '/';
            s += 2;
        }
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    *reterr_why = "the path is not UTF-8";
    if (!utf8_check(ret, n))
        return BAD_REQUEST;
    return slash ? NOT_FOUND : DONE;
}

/* Decodes up to one of the stop characters.  Returns the bytes written, or -1. */
static long part_decode(const char **at, const char *stop, char *to, bool *ret_nul)
{
    long n = 0;

    *ret_nul = false;
    for (; **at && !strchr(stop, **at); ++*at) {
        int c = **at == '+' ? ' ' : (unsigned char)**at;
        if (**at == '%') {
            c = escape_value(*at);
            if (c < 0)
                return -1;
            *at += 2;
        }
        *ret_nul |= c == 0;
        to[n++] = (char)c;
    }
    to[n] = '\0';
    return utf8_check(to, (size_t)n) ? n : -1;
}

int query_next(const char **at, char *buf, struct query_pair *ret)
{
    long n;
    bool nul;

    while (*at && **at == '&')
        ++*at;
    if (!*at || !**at)
        return 0;
    n = part_decode(at, "=&", buf, &nul);
    if (n < 0 || nul)
        return -1;
    ret->name = buf;
    ret->value = buf + n + 1;
    if (**at == '=')
        ++*at;
    return part_decode(at, "&", buf + n + 1, &ret->nul) < 0 ? -1 : 1;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void target_escape(struct text *to, const char *s)
{
    for (; *s; s++) {
        if (is_unreserved((unsigned char)*s))
            text_putc(to, *s);
        else
            text_printf(to, "%%%02X", (unsigned char)*s);
    }
}
