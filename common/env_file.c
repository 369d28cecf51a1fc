/* The syntax of settings files. */
#include "common/env_file.h"

#include <stdbool.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static char *space_skip(char *s)
{
    while (is_space(*s))
        s++;
    return s;
}

/* Cuts the space off the end of the text from s to end; end is where its NUL is. */
static void space_cut(char *s, char *end)
{
    while (end > s && is_space(end[-1]))
        *--end = '\0';
}

/* The next line without its end, NUL-terminated; NULL at the end.  ret_size counts NULs in it. */
static char *line_next(struct env_reader *r, size_t *ret_size)
{
    char *line = r->data + r->at, *end;

    if (r->at >= r->size)
        return NULL;
    r->line++;
    end = memchr(line, '\n', r->size - r->at);
    r->at = end ? (size_t)(end - r->data) + 1 : r->size;
    if (!end)
        end = r->data + r->size;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    *ret_size = (size_t)(end - line);
    return line;
}

/* Takes the name off the front of a line and leaves it behind the '='.  NULL: there is none. */
static char *name_take(char **line)
{
    char *name = *line, *equals;

    if (strncmp(name, "export", 6) == 0 && is_space(name[6]))
        name = space_skip(name + 6);
    equals = strchr(name, '=');
    if (!equals)
        return NULL;
    *equals = '\0';
    space_cut(name, equals);
    *line = equals + 1;
    return *name ? name : NULL;
}

/* Takes quotes and comment off.  NULL: *reterr_why is set. */
static char *value_take(char *s, const char **reterr_why)
{
    char *end, *rest;

    s = space_skip(s);
    if (*s == '"' || *s == '\'') {
        end = strchr(s + 1, *s);
        *reterr_why = "the quote is not closed";
        if (!end)
            return NULL;
        rest = space_skip(end + 1);
        *reterr_why = "something follows the closing quote";
        if (*rest && *rest != '#')
            return NULL;
        *end = '\0';
        return s + 1;
    }
    for (end = s; *end; end++)
        if (*end == '#' && is_space(end[-1])) /* before s is the '=' or a space */
            *end-- = '\0';                    /* the loop stops at that NUL */
    space_cut(s, s + strlen(s));
    return s;
}

int env_next(struct env_reader *r, const char **ret_name, const char **ret_value,
             const char **reterr_why)
{
    char *line;
    size_t size;

    if (r->at == 0 && r->size >= 3 && memcmp(r->data, "\xef\xbb\xbf", 3) == 0)
        r->at = 3;
    while ((line = line_next(r, &size))) {
        if (memchr(line, '\0', size)) {
            *reterr_why = "it holds a NUL character";
            return -1;
        }
        line = space_skip(line);
        if (*line == '\0' || *line == '#')
            continue;
        *reterr_why = "NAME=VALUE was expected";
        *ret_name = name_take(&line);
        *ret_value = *ret_name ? value_take(line, reterr_why) : NULL;
        return *ret_value ? 1 : -1;
    }
    return 0;
}
