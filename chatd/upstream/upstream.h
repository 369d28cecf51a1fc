#pragma once
/*
 * The model provider, as chatd sees it: one thread with one epoll loop that runs every call.
 *
 * A call is begun on any thread and ends exactly once, by on_end.  All hooks run on the upstream
 * thread, one at a time; they may call upstream_begin() and upstream_cancel(), and must not block:
 * every call of the process waits meanwhile.
 *
 * The provider's key is only ever put into the Authorization header: no text that leaves here
 * (details, ids) holds it.  Redirects are not followed, certificates are verified, and the
 * environment's proxies are not used.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/api.h"

struct dialect;
struct text;
struct upstream;

#define UPSTREAM_ID_MAX     128               /* bytes of the provider's ids, with NUL */
#define UPSTREAM_DETAIL_MAX 500               /* bytes of a detail, with NUL */
#define UPSTREAM_TEXT_MAX   (4 * 1024 * 1024) /* bytes of an answer; more is UPSTREAM_CUT */
#define UPSTREAM_MODELS_MAX 1000              /* ids that upstream_models() gives */

enum upstream_outcome {
    UPSTREAM_COMPLETED,
    UPSTREAM_INCOMPLETE, /* the model's or the call's max_output_tokens; the text is good so far */
    UPSTREAM_FAILED,     /* see status; what was delivered before stays delivered */
    UPSTREAM_CANCELLED,  /* by upstream_cancel() */
    UPSTREAM_ABANDONED,  /* by upstream_drop() or _leave(), or for want of may_ask(): nothing was
                          * decided, others may take it */
};

struct upstream_usage {
    int64_t input, output, total; /* tokens; -1: the provider did not say */
};

/* One request on the wire has ended, well or not.  Strings live until the hook returns. */
struct upstream_try {
    int64_t id;             /* the call's */
    int number;             /* of this request within the call, from 1; pauses' answers included */
    int http;               /* 0: no answer */
    enum status status;     /* DONE, or what it would mean if it were the last one; TURN_CANCELLED
                             * by upstream_cancel(), INTERRUPTED by upstream_drop() */
    const char *detail;     /* for people; "" on DONE */
    const char *request_id; /* provider's x-request-id, or "" */
    int64_t first_us;       /* from sending to the first token; -1: none came */
    int64_t total_us;       /* from sending to its end */
    int64_t again_ms;       /* the next try begins after this; -1: it was the last one */
};

/* How a call ended.  Strings live until on_end returns. */
struct upstream_result {
    enum upstream_outcome outcome;
    enum status status;        /* of FAILED: UPSTREAM_*, TIMEOUT_*, TOO_LONG; else DONE */
    bool retryable;            /* of FAILED: the same call may work later */
    const char *detail;        /* of FAILED: for people, one line of valid UTF-8 */
    const char *finish_reason; /* "stop", "max_output_tokens", "content_filter", or "" */
    const char *response_id;   /* the provider's, or "" */
    const char *request_id;    /* x-request-id of the last answer, or "" */
    struct upstream_usage usage;
    int http;               /* of the last answer; 0: none */
    int tries;              /* requests that count against `tries` */
    uint32_t retry_after_s; /* of UPSTREAM_RATE: what the provider asked for, 0: nothing */
    int64_t first_us;       /* from upstream_begin() to the first token; -1: none came */
    int64_t total_us;       /* from upstream_begin() to the end */
};

/* `state` is the call's, `owner` the one of struct upstream_config.  All but on_end may be NULL. */
struct upstream_hooks {
    /* Before each request of a call is written to its connection: false ends the call with
     * UPSTREAM_ABANDONED, and nothing is asked. */
    bool (*may_ask)(void *state, int64_t id);
    /* Once per call: the provider took the request and begins to answer. */
    void (*on_started)(void *state, int64_t id);
    /* New text: whole code points of valid UTF-8 without NUL; never empty. */
    void (*on_delta)(void *state, int64_t id, const char *text, size_t size);
    /* Calls in the background: the provider's response, before its first text, and the newest event
     * of it that all text so far came with, before each text.  The id is fit for a URL. */
    void (*on_place)(void *state, int64_t id, const char *response_id, int64_t sequence);
    /* Each request, before on_end. */
    void (*on_try)(void *state, const struct upstream_try *t);
    /* Last of all; the engine forgets `state`. */
    void (*on_end)(void *state, int64_t id, const struct upstream_result *r);
    /* Once after each epoll round that ran any of the hooks above. */
    void (*on_round_end)(void *owner);
    /* Every tick_ms, also when nothing else happens. */
    void (*on_tick)(void *owner);
};

struct upstream_config {
    const char *base_url;               /* "https://api.openai.com/v1"; http or https */
    const char *key;                    /* NULL or "": no Authorization header */
    const char *proxy;                  /* NULL: none */
    const char *ca_file;                /* certificates to trust, PEM; NULL: the system's */
    const struct dialect *dialect;      /* dialect_named() */
    int max_calls;                      /* that run or wait at once */
    int tries;                          /* of one call, at least 1 */
    int connect_ms;                     /* longest connecting */
    int tick_ms;                        /* 0: no on_tick */
    const struct upstream_hooks *hooks; /* must outlive the upstream */
    void *owner;
};

struct upstream_call {
    int64_t id;  /* chosen by the caller; unique among the calls that have not ended */
    void *state; /* handed to the hooks */
    const struct upstream_hooks *hooks; /* of this call, instead of the config's; or NULL */
    struct text *body;  /* model_input_build(); its memory is taken over, *body becomes empty */
    int first_token_ms; /* from each sending to the first text */
    int idle_ms;        /* longest silence after that */
    int total_ms;       /* from upstream_begin() to the end, with all tries and pauses */
    bool background;    /* as the body says */
    const char *traceparent; /* header of its requests; copied; NULL: none */
    /* Not NULL: no request is made, but the rest of this response is read (copied; on_place's),
     * behind that event.  body is empty. */
    const char *response_id;
    int64_t after;
};

/*
 * Starts the thread.  Everything in config but hooks is copied.
 * DONE; BAD_INPUT when base_url or key cannot be used (*reterr_why: constant text); or a fault.
 */
int upstream_start(const struct upstream_config *config, struct upstream **ret,
                   const char **reterr_why) __attribute__((warn_unused_result));

/*
 * Closes every connection, ends every call with UPSTREAM_ABANDONED (or as it had ended already),
 * and joins the thread.  Never from a hook.  Accepts NULL.
 */
void upstream_drop(struct upstream **u);

/*
 * Begins a call; any thread.  Hooks may run before this returns.
 * DONE, or BUSY: max_calls have not ended (body is not taken, no hook runs).
 */
int upstream_begin(struct upstream *u, struct upstream_call *call)
    __attribute__((warn_unused_result));

/*
 * Ends a call with UPSTREAM_CANCELLED and closes its connection (HTTP/2: resets its stream) at
 * once; any thread.  A call that has ended meanwhile keeps its end; an unknown id is nothing.  In
 * the background the provider is told to stop, too (as for calls that fail here first); if it has
 * not named the response yet, the connection stays until it does, 10 s at most.
 */
void upstream_cancel(struct upstream *u, int64_t id);
/* The same, but the provider may go on with a response that it has named: ends with
 * UPSTREAM_ABANDONED. */
void upstream_leave(struct upstream *u, int64_t id);
/* Tells the provider to stop a response in the background that no call reads; any thread. */
void upstream_cancel_response(struct upstream *u, const char *response_id);
/* Has on_round_end run soon; any thread. */
void upstream_poke(struct upstream *u);

/* How long the provider wants no request yet (429), 0: not at all; any thread. */
int64_t upstream_pause_us(struct upstream *u);

/* Calls that have not ended; any thread. */
int upstream_running(struct upstream *u);

/*
 * Asks the provider for its models (GET /models), with that traceparent (NULL: none), and waits,
 * 5 s at most; any thread but the upstream's.  Appends to ret_ids a JSON array of at most
 * UPSTREAM_MODELS_MAX strings. DONE, or UPSTREAM_AUTH, UPSTREAM_RATE, UPSTREAM_CUT,
 * UPSTREAM_REFUSED, TIMEOUT_CONNECT, TIMEOUT_TOTAL; nothing is appended then.
 */
int upstream_models(struct upstream *u, const char *traceparent, struct text *ret_ids)
    __attribute__((warn_unused_result));
