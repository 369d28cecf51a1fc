#pragma once
/*
 * curl handles that are ready to talk to the provider.  Everything that is the same for all
 * requests is set once per handle, and handles are used again.
 *
 * The key lies in one place, a page that no core dump holds, as the Authorization header that curl
 * borrows; curl's own copy lives as long as the request is being sent.
 */
#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "chatd/upstream/failure.h"

#define TRANSFER_KEY_MAX    512 /* bytes of the key */
#define TRANSFER_TRACE_SIZE 80  /* bytes of a traceparent header, with NUL */
#define TRANSFER_IDLE_MAX   64  /* handles kept for later */

struct transfer_site {
    char *base_url;
    char *proxy;     /* "": none */
    char *ca_file;   /* NULL: the system's */
    char *secret;    /* the page: "Authorization: Bearer KEY", or NULL */
    const char *key; /* within it, or NULL */
    struct curl_slist post_headers[4], get_headers[2]; /* lists that curl borrows */
    long connect_ms;
    bool tls;
};

struct transfer_pool {
    const struct transfer_site *site;
    char *url;
    curl_write_callback write;
    CURL *idle[TRANSFER_IDLE_MAX];
    size_t count;
};

/* What the headers of an answer say. */
struct transfer_head {
    int http;
    bool stream; /* text/event-stream */
};

/* DONE, or BAD_INPUT with a constant text; all strings are copied. */
int transfer_site_init(struct transfer_site *s, const struct upstream_config *c,
                       const char **reterr_why) __attribute__((warn_unused_result));
void transfer_site_drop(struct transfer_site *s);

/* A new handle with the options of every request, for one URL. */
CURL *transfer_new(const struct transfer_site *s, const char *url);

/* Handles that POST to base URL + path and give what comes to write(..., its POST's state). */
void transfer_pool_init(struct transfer_pool *p, const struct transfer_site *s, const char *path,
                        curl_write_callback write);
void transfer_pool_drop(struct transfer_pool *p);

/* Has `ask` decide right before the handle's request is written: CURL_PREREQFUNC_ABORT ends it. */
void transfer_ask_first(CURL *easy, curl_prereq_callback ask, void *state);

/* One more header of the handle's request, in front of those of the site; line and ret_item live
 * until transfer_put(). */
void transfer_header_add(CURL *easy, const struct curl_slist *site, const char *line,
                         struct curl_slist *ret_item);

/* A handle that sends body, which must stay until transfer_put(). */
CURL *transfer_post(struct transfer_pool *p, const char *body, size_t size, void *state);
/* A handle of its own kind, for curl_easy_cleanup(): reads the rest of a response behind an event,
 * or cancels it (what comes is dropped). */
CURL *transfer_follow(struct transfer_pool *p, const char *response_id, int64_t after, void *state);
CURL *transfer_cancel(struct transfer_pool *p, const char *response_id);
/* Takes back a handle that is in no multi handle; NULL is nothing. */
void transfer_put(struct transfer_pool *p, CURL *easy);

struct transfer_head transfer_head(CURL *easy);
/* A header of the answer, or NULL; lives until the handle's next use. */
const char *transfer_header(CURL *easy, const char *name);
/* What a result other than CURLE_OK means. */
enum failure_cause transfer_cause(CURLcode code);
