#pragma once
/*
 * What a request's head must be like before anything else looks at it (RFC 9112): one meaning only,
 * so that a proxy in front and we can never read two different requests out of the same bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEADERS_MAX      64    /* header fields of a request */
#define HEADERS_SIZE_MAX 16384 /* their bytes in all */

struct http_header {
    const char *name, *value;
};

struct http_head {
    const char *version; /* "1.0" or "1.1" */
    const struct http_header *headers;
    size_t count;
    size_t target_size, headers_size; /* bytes as they came */
    bool whole;                       /* every byte of the head is in these fields */
};

struct http_framing {
    int64_t length;  /* of the body, 0: none */
    bool has_length; /* a Content-Length was given */
    bool expects;    /* the client waits for 100 Continue before it sends the body */
    bool keep_alive; /* the client wants to send more requests */
    bool chunks;     /* it understands replies in chunks: HTTP/1.1 */
};

/*
 * Checks a head and reads how its body is framed.  ret is set whatever the result is.
 * DONE; BAD_REQUEST; LENGTH_REQUIRED (Transfer-Encoding, which we do not take); TOO_LARGE (a
 * Content-Length past all bounds); URI_TOO_LONG; HEADERS_TOO_LARGE.  *reterr_why then is a short
 * constant text.  After anything but DONE the connection must be closed.
 */
int http_head_check(const struct http_head *head, struct http_framing *ret, const char **reterr_why)
    __attribute__((warn_unused_result));

/* The first field with that name (any case), or NULL. */
const char *http_header_find(const struct http_header *headers, size_t count, const char *name);

/* Whether a comma-separated list has the token (any case). */
bool http_list_has(const char *list, const char *token);
