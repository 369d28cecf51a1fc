#pragma once
/* What a failed request means: which status, whether again, and what people are told.  Pure. */
#include <stdbool.h>
#include <stddef.h>

#include "chatd/upstream/retry.h"
#include "chatd/upstream/upstream.h"
#include "proto/api.h"

enum failure_cause {
    FAILURE_NONE,
    FAILURE_HTTP,  /* HTTP status other than 2xx */
    FAILURE_EVENT, /* the stream says so */
    FAILURE_RESOLVE,
    FAILURE_CONNECT,
    FAILURE_SLOW_CONNECT,
    FAILURE_TLS,
    FAILURE_CERTIFICATE,
    FAILURE_BROKEN,  /* after connecting */
    FAILURE_NO_END,  /* the stream ended without a last event */
    FAILURE_GARBAGE, /* not a stream, or not its language */
    FAILURE_TOO_BIG,
    FAILURE_GONE, /* a response that was to be read again */
    FAILURE_FIRST_TOKEN,
    FAILURE_IDLE,
    FAILURE_TOTAL,
    FAILURE_PAUSED, /* the provider's pause lasts beyond the deadline */
};

struct failure {
    enum status status;
    enum again again;
    bool retryable;
    char detail[UPSTREAM_DETAIL_MAX];
};

/*
 * code, message: what the provider says, as it came (message_size bytes of any kind).  key: taken
 * out of the detail; may be NULL.
 */
void failure_judge(struct failure *ret, enum failure_cause cause, int http, const char *code,
                   const char *message, size_t message_size, const char *key);
