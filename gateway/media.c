/* Media types of request bodies. */
#include "gateway/media.h"

#include <string.h>
#include <strings.h>

#define SPACE " \t"

/* One ";name=value" at *at, cut off; false where none is. */
static bool parameter_is_good(const char **at)
{
    const char *value;
    size_t size;
    bool charset;

    *at += strspn(*at, SPACE ";");
    if (!**at)
        return true;
    charset = strncasecmp(*at, "charset=", 8) == 0;
    value = strchr(*at, '=');
    if (!value || value == *at)
        return false;
    value++;
    size = *value == '"' ? strcspn(value + 1, "\"") + 2 : strcspn(value, ";" SPACE);
    if (size > strlen(value))
        return false;
    *at = value + size;
    if (*value == '"') {
        value++;
        size -= 2;
    }
    return !charset || (size == 5 && strncasecmp(value, "utf-8", 5) == 0);
}

bool media_is_json(const char *s)
{
    static const char json[] = "application/json";

    if (!s || strncasecmp(s, json, sizeof json - 1) != 0)
        return false;
    s += sizeof json - 1;
    s += strspn(s, SPACE);
    if (*s && *s != ';')
        return false;
    while (*s) {
        if (!parameter_is_good(&s))
            return false;
        s += strspn(s, SPACE);
        if (*s && *s != ';')
            return false;
    }
    return true;
}

/* Whether the parameters at s, up to the next comma, give the weight 0. */
static bool is_refused(const char *s, size_t size)
{
    const char *end = s + size;

    for (; s < end; s++) {
        if (*s != ';')
            continue;
        s += 1 + strspn(s + 1, SPACE);
        if (strncasecmp(s, "q=0", 3) == 0)
            return s[3 + strspn(s + 3, ".0")] < '1' || s[3 + strspn(s + 3, ".0")] > '9';
        s--;
    }
    return false;
}

bool media_accepts(const char *accept, const char *type)
{
    size_t n = strlen(type);

    for (const char *s = accept; s && *s;) {
        size_t size;
        s += strspn(s, SPACE ",");
        size = strcspn(s, ",");
        if (size >= n && strncasecmp(s, type, n) == 0 && strchr(SPACE ";,", s[n]))
            return !is_refused(s + n, size - n);
        s += size;
    }
    return false;
}
