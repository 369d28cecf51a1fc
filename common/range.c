/* The Range header of a download (RFC 9110, section 14). */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/call.h"

/* A number of decimal digits; *s moves behind it.  -1: none, or too large. */
static int64_t number_read(const char **s)
{
    char *end;
    int64_t n;

    if (**s < '0' || **s > '9')
        return -1;
    errno = 0;
    n = strtoll(*s, &end, 10);
    *s = end;
    return errno ? -1 : n;
}

/* bytes=F-L, bytes=F- or bytes=-N with nothing else; F or N is -1 where it is not given. */
static bool range_parse(const char *s, int64_t *ret_first, int64_t *ret_last)
{
    if (strncasecmp(s, "bytes=", 6) != 0)
        return false;
    s += 6;
    *ret_first = number_read(&s);
    if (*s++ != '-')
        return false;
    *ret_last = number_read(&s);
    return !*s && (*ret_first >= 0 || *ret_last >= 0) &&
           (*ret_first < 0 || *ret_last < 0 || *ret_first <= *ret_last);
}

/* Whether If-Range names this version by its strong entity tag; dates never do. */
static bool is_same(const char *if_range, const char *sha256)
{
    size_t n = strlen(sha256);

    return if_range[0] == '"' && strncmp(if_range + 1, sha256, n) == 0 &&
           strcmp(if_range + 1 + n, "\"") == 0;
}

void call_range(struct call *c, const char *range, const char *if_range, const char *sha256,
                int64_t size, int64_t *ret_first, int64_t *ret_count)
{
    int64_t first, last;

    *ret_first = 0;
    *ret_count = size;
    if (!range || !range_parse(range, &first, &last) || (if_range && !is_same(if_range, sha256)))
        return;
    if (first < 0) { /* the last N bytes */
        first = last < size ? size - last : 0;
        last = size - 1;
    }
    if (last < 0 || last >= size)
        last = size - 1;
    c->http = 206;
    *ret_first = first;
    *ret_count = last - first + 1;
    if (first >= size) {
        c->http = 416;
        *ret_first = *ret_count = 0;
    }
}
