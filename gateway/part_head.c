/* The head of a part of a form. */
#include "gateway/part_head.h"

#include <string.h>
#include <strings.h>

#include "common/digest.h"

#define LINE_MAX_SIZE 4096 /* bytes of a header line */
#define SPACE         " \t"

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool quoted_read(const char **at, char *ret, size_t capacity)
{
    size_t n = 0;

    for (++*at; **at != '"'; ++*at) {
        if (**at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\'))
            ++*at;
        if (!**at || n + 1 >= capacity)
            return false;
        ret[n++] = **at;
    }
    ++*at;
    ret[n] = '\0';
    return true;
}

static bool token_read(const char **at, char *ret, size_t capacity)
{
    size_t n = 0;

    for (; is_token(**at); ++*at) {
        if (n + 1 >= capacity)
            return false;
        ret[n++] = **at;
    }
    ret[n] = '\0';
    return n > 0;
}

int header_parameter(const char **at, char *ret_name, size_t name_capacity, char *ret_value,
                     size_t value_capacity)
{
    *at += strspn(*at, SPACE);
    if (!**at)
        return 0;
    if (**at != ';')
        return -1;
    ++*at;
    *at += strspn(*at, SPACE);
    if (!**at)
        return 0; /* a semicolon at the end does no harm */
    if (!token_read(at, ret_name, name_capacity))
        return -1;
    for (char *p = ret_name; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
    if (*(*at)++ != '=')
        return -1;
    if (**at == '"')
        return quoted_read(at, ret_value, value_capacity) ? 1 : -1;
    return token_read(at, ret_value, value_capacity) ? 1 : -1;
}

/* UTF-8''%41bc (RFC 8187).  False: another charset, a bad escape, or a NUL. */
static bool extended_read(const char *s, char *ret, size_t capacity)
{
    size_t n = 0;

    if (strncasecmp(s, "utf-8'", 6) != 0 || !(s = strchr(s + 6, '\'')))
        return false;
    for (s++; *s; s++) {
        int c = (unsigned char)*s;
        if (c == '%') {
            int high = hex_value(s[1]), low = high < 0 ? -1 : hex_value(s[2]);
            if (low < 0)
                return false;
            c = high << 4 | low;
            s += 2;
        }
        if (!c || n + 1 >= capacity)
            return false;
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    return true;
}

/* Browsers write a quote in a file name as %22. */
static void quotes_decode(char *s)
{
    char *to = s;

    for (; *s; s++, to++) {
        bool quote = s[0] == '%' && s[1] == '2' && s[2] == '2';
        *to = quote ? '"' : *s;
        s += quote ? 2 : 0;
    }
    *to = '\0';
}

static const char *disposition_read(const char *value, struct part_head *ret)
{
    static const char type[] = "form-data";
    char name[32], text[sizeof ret->filename], extended[sizeof ret->filename];
    bool has_name = false, has_extended = false;
    int r;

    if (strncasecmp(value, type, sizeof type - 1) != 0)
        return "a part's Content-Disposition must be form-data";
    value += sizeof type - 1;
    while ((r = header_parameter(&value, name, sizeof name, text, sizeof text)) == 1) {
        if (strcmp(name, "name") == 0 && !has_name && strlen(text) < sizeof ret->name) {
            memcpy(ret->name, text, strlen(text) + 1);
            has_name = true;
        } else if (strcmp(name, "filename") == 0 && !ret->has_filename) {
            quotes_decode(text);
            memcpy(ret->filename, text, strlen(text) + 1);
            ret->has_filename = true;
        } else if (strcmp(name, "filename*") == 0 && !has_extended) {
            has_extended = extended_read(text, extended, sizeof extended);
        } else if (strcmp(name, "name") == 0 || strcmp(name, "filename") == 0) {
            return "a part's Content-Disposition names it twice, or too long";
        }
    }
    if (has_extended) {
        memcpy(ret->filename, extended, strlen(extended) + 1);
        ret->has_filename = true;
    }
    return r < 0       ? "a part's Content-Disposition is malformed"
           : !has_name ? "a part has no name"
                       : NULL;
}

/* One header line, cut out and NUL-terminated. */
static const char *line_read(char *line, struct part_head *ret, bool *has_disposition)
{
    char *value = strchr(line, ':');

    if (line[0] == ' ' || line[0] == '\t' || !value || value == line)
        return "a part's header is malformed";
    *value++ = '\0';
    value += strspn(value, SPACE);
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0)
        return strcasecmp(value, "binary") == 0 || strcasecmp(value, "8bit") == 0 ||
                       strcasecmp(value, "7bit") == 0
                   ? NULL
                   : "a part's Content-Transfer-Encoding is not taken: send the bytes as they are";
    if (strcasecmp(line, "Content-Disposition") != 0)
        return NULL;
    if (*has_disposition)
        return "a part has two Content-Dispositions";
    *has_disposition = true;
    return disposition_read(value, ret);
}

void part_head_read(const char *head, size_t size, struct part_head *ret)
{
    char line[LINE_MAX_SIZE];
    bool has_disposition = false;

    *ret = (struct part_head){0};
    while (size && !ret->why) {
        const char *end = memmem(head, size, "\r\n", 2);
        size_t n = end ? (size_t)(end - head) : size;
        if (n >= sizeof line || memchr(head, '\0', n) || memchr(head, '\r', n) ||
            memchr(head, '\n', n)) {
            ret->why = "a part's header is too long, or holds a character that it may not hold";
            return;
        }
        memcpy(line, head, n);
        line[n] = '\0';
        ret->why = line_read(line, ret, &has_disposition);
        n += end ? 2 : 0;
        head += n;
        size -= n;
    }
    if (!ret->why && !has_disposition)
        ret->why = "a part has no Content-Disposition";
}
