#pragma once
/* Which web pages of other origins may call the API (the Fetch standard's CORS protocol). */
#include <stdbool.h>
#include <stddef.h>

struct cors;

/*
 * Reads a list of origins ("https://a.example, https://b.example:8443"), or "*" for all.
 * DONE, or BAD_INPUT with *reterr_origin the entry that is no origin (in list).
 */
int cors_new(const char *list, struct cors **ret, const char **reterr_origin)
    __attribute__((warn_unused_result));
/* With all that it has replaced. */
void cors_drop(struct cors **c);

/* Keeps a list that somebody may still be reading as long as the one that took its place. */
void cors_replace(struct cors *c, struct cors *before);

/* Whether any origin is allowed: then answers depend on the Origin header. */
bool cors_on(const struct cors *c);

/* What Access-Control-Allow-Origin must say to a page of that origin: the origin itself, as the
 * browser wrote it, or "*"; NULL: it may not read. */
const char *cors_allow(const struct cors *c, const char *origin);
