#pragma once
/*
 * The provider's Files API (https://platform.openai.com/docs/api-reference/files): requests as curl
 * handles, and what their answers mean.  Whoever uses it runs them in a curl_multi.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "common/trace.h"

#define PROVIDER_ID_MAX   128  /* with NUL; longer ones are refused */
#define PROVIDER_LIST_MAX 1000 /* files of one page */

struct provider;

struct provider_config {
    const char *base_url; /* https://api.openai.com/v1 */
    const char *key;      /* "": none */
    int connect_s, silence_s;
};

/* DONE, or BAD_INPUT with *reterr_why a constant text. */
int provider_new(const struct provider_config *c, struct provider **ret, const char **reterr_why)
    __attribute__((warn_unused_result));
void provider_drop(struct provider **p);

/* One request and its answer; {0} is none. */
struct provider_call {
    CURL *easy; /* CURLOPT_PRIVATE is the call */
    curl_mime *mime;
    int fd; /* of an upload; closed with the call */
    int64_t size;
    struct text answer;
    char trace_line[sizeof "traceparent: " + TRACEPARENT_SIZE];
    struct curl_slist trace_header;
};

/* POST /files, purpose user_data, streamed from fd, which the call takes over. */
void provider_upload(const struct provider *p, struct provider_call *call, int fd, int64_t size,
                     const char *name, const char *mime);
/* DELETE /files/{id} */
void provider_delete(const struct provider *p, struct provider_call *call, const char *id);
/* GET /files: a page of those with purpose user_data, oldest first; after: last id of the page
 * before, "" for the first. */
void provider_list(const struct provider *p, struct provider_call *call, const char *after);
/* Has the request carry a traceparent (copied).  The call stays where it is until it is dropped. */
void provider_trace(const struct provider *p, struct provider_call *call, const char *traceparent);
void provider_call_drop(struct provider_call *call);

/* What came of a request. */
enum provider_outcome {
    PROVIDER_OK,
    PROVIDER_MISSING, /* 404: no such file; or it has no Files API at all */
    PROVIDER_REFUSED, /* the request will never do */
    PROVIDER_AGAIN,   /* may work later; whether this one did something is not known */
    PROVIDER_DOWN,    /* it did nothing, and neither would others now: connection, key, rate */
};

struct provider_result {
    enum provider_outcome outcome;
    int64_t wait_ms;          /* asked for by the provider, or -1 */
    char id[PROVIDER_ID_MAX]; /* of an upload */
    char error[256];          /* for people; UTF-8 */
};

void provider_result(const struct provider_call *call, CURLcode code, struct provider_result *ret);

/* One file of a list. */
struct provider_file {
    const char *id, *filename;
    int64_t bytes;
};

/*
 * Walks the page that a list answered: each(state, file) for every file.
 * ret_after: the id to ask the next page with, "": this was the last.  False: it is no list.
 */
bool provider_listed(const struct provider_call *call,
                     void (*each)(void *state, const struct provider_file *file), void *state,
                     char ret_after[PROVIDER_ID_MAX]);
