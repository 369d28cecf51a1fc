#pragma once
/* HTTP/1.1 requests (RFC 9112), parsed as they arrive: any split of the bytes gives the same. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MAX = 16384,
    HTTP_HEADERS_MAX = 100,
    HTTP_TARGET_MAX = 1024,
    HTTP_MORE = 0, /* results of the two functions below; everything from 400 on is a status */
    HTTP_DONE = 1,
};

enum http_stage { HTTP_LENGTH, HTTP_CHUNK_SIZE, HTTP_CHUNK, HTTP_CHUNK_END, HTTP_TRAILER };

/* One request.  Zeroed before the first byte of each. */
struct http {
    char method[8];
    char target[HTTP_TARGET_MAX]; /* path; the query, if any, is cut off it */
    char *query;                  /* inside target; NULL when there is none */
    char type[256];               /* Content-Type, empty when absent */
    char bearer[256];             /* token of "Authorization: Bearer", empty when absent */
    bool authorization;
    bool close;
    bool expects; /* 100-continue */
    bool chunked;
    bool sized;
    bool old; /* HTTP/1.0 */
    uint64_t left;
    uint64_t body; /* body bytes taken so far */
    uint64_t body_max;
    size_t scanned;
    enum http_stage stage;
};

/* Takes the head once all of it is there.  HTTP_MORE, HTTP_DONE or 400, 414, 431, 501, 505. */
int http_head(struct http *http, const char *bytes, size_t length, size_t *ret_used);

/*
 * Takes what it can: `ret_used` bytes consumed, of which ret_body/ret_length is body.  HTTP_MORE
 * with nothing used means that bytes are missing.  HTTP_DONE, 400, 413.
 */
int http_body(struct http *http, const char *bytes, size_t length, size_t *ret_used,
              const char **ret_body, size_t *ret_length);

/* Value of a query parameter as text (no %-decoding), or false. */
bool http_query(const struct http *http, const char *name, char *ret_value, size_t room);

const char *http_reason(int status);
