/* Which web pages of other origins may call the API. */
#include "gateway/cors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/api.h"

#define ORIGINS_MAX 64

struct cors {
    char *list; /* cut into the origins */
    const char *origins[ORIGINS_MAX];
    size_t count;
    bool all;
    struct cors *before; /* the list in whose place it came */
};

/* scheme "://" host [":" port], without path, query or user. */
static bool is_origin(const char *s)
{
    const char *host = strstr(s, "://");

    if (!host || (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0))
        return false;
    host += 3;
    return *host && !host[strcspn(host, "/?#@\\ \"'<>")];
}

int cors_new(const char *list, struct cors **ret, const char **reterr_origin)
{
    struct cors *c = calloc(1, sizeof *c);
    char *rest, *origin;

    if (!c || !(c->list = strdup(list)))
        abort();
    rest = c->list;
    while ((origin = strsep(&rest, ", ")) != NULL) {
        if (!*origin)
            continue;
        if (strcmp(origin, "*") == 0) {
            c->all = true;
        } else if (!is_origin(origin) || c->count == ORIGINS_MAX) {
            *reterr_origin = list + (origin - c->list);
            cors_drop(&c);
            return BAD_INPUT;
        } else {
            c->origins[c->count++] = origin;
        }
    }
    *ret = c;
    return DONE;
}

void cors_drop(struct cors **c)
{
    while (*c) {
        struct cors *before = (*c)->before;
        free((*c)->list);
        free(*c);
        *c = before;
    }
}

void cors_replace(struct cors *c, struct cors *before)
{
    c->before = before;
}

bool cors_on(const struct cors *c)
{
    return c->all || c->count > 0;
}

/* Told as the browser wrote it: it compares byte by byte. */
const char *cors_allow(const struct cors *c, const char *origin)
{
    if (c->all)
        return "*";
    for (size_t i = 0; i < c->count; i++)
        if (strcasecmp(c->origins[i], origin) == 0)
            return origin;
    return NULL;
}
