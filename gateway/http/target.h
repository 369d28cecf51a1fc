#pragma once
/* The request target: percent-decoding of paths and queries, strict (RFC 3986), and its inverse. */
#include <stdbool.h>
#include <stddef.h>

#define TARGET_MAX 8192 /* bytes of a request target, the query included */

struct text;

/*
 * Decodes a path segment by segment into ret, which has room for strlen(raw) + 1 bytes.
 * DONE; BAD_REQUEST for an invalid escape, an escaped control byte or text that is not UTF-8, with
 * *reterr_why a short constant text; NOT_FOUND for an escaped slash, which no path of ours has.
 */
int path_decode(const char *raw, char *ret, const char **reterr_why)
    __attribute__((warn_unused_result));

struct query_pair {
    const char *name, *value;
    bool nul; /* the value held %00; it is cut there */
};

/*
 * Decodes the next pair of a query ("+" is a space) and moves *at behind it; *at may be NULL.
 * buf receives name and value, in at most as many bytes as the pair has, and two.
 * 1: ret is set; 0: the end; -1: an invalid escape, a NUL in a name, or text that is not UTF-8.
 */
int query_next(const char **at, char *buf, struct query_pair *ret)
    __attribute__((warn_unused_result));

/* Appends s with everything but RFC 3986's unreserved characters as %XX. */
void target_escape(struct text *to, const char *s);
