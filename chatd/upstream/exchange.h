#pragma once
/*
 * One call's talk with the provider: its requests one after the other, the answer that comes, and
 * the limits of time.  Everything here runs on the upstream thread but exchange_new().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/due_heap.h"
#include "chatd/upstream/failure.h"
#include "chatd/upstream/retry.h"
#include "chatd/upstream/sse_reader.h"
#include "chatd/upstream/transfer.h"
#include "chatd/upstream/upstream.h"
#include "common/text.h"

enum exchange_state {
    EXCHANGE_NEW,       /* not sent yet */
    EXCHANGE_WAITING,   /* for the next try */
    EXCHANGE_ASKING,    /* sent, no text yet */
    EXCHANGE_ANSWERING, /* text comes */
    EXCHANGE_LINGERING, /* on_end is over; the connection is read to its end, to be used again */
    EXCHANGE_NAMELESS,  /* the same; read until the response in the background can be cancelled */
    EXCHANGE_OVER,
};

struct exchange {
    struct due due; /* first member: the heap gives it back */
    struct upstream *upstream;
    struct exchange *next, *prev; /* of upstream->open; guarded by upstream->lock */
    bool cancel, leave;           /* the same */
    struct exchange *chain;       /* of upstream->incoming (under the lock), later ->ended */
    enum exchange_state state;

    int64_t id;
    const struct upstream_hooks *hooks;
    void *owner_state;
    struct text body;
    char trace_header[TRANSFER_TRACE_SIZE]; /* "": none */
    struct curl_slist headers;              /* it, before those of all requests */
    bool background;
    char place_id[UPSTREAM_ID_MAX];        /* the response to read, once it is known; else "" */
    int64_t place_seq;                     /* newest event of it that was read, -1: none */
    int64_t first_limit_us, idle_limit_us; /* lengths */
    int64_t begun_us, deadline_us;
    int64_t first_us; /* when the first text came, 0: not yet */
    bool started;     /* on_started ran */
    struct retry retry;

    /* the request that runs */
    CURL *easy;
    bool follows;  /* it reads a response that was begun before */
    bool withheld; /* its owner may not ask any more */
    int64_t sent_us, heard_us;
    int64_t heard_late_us; /* upstream->late_us when it was sent or heard of */
    int http;
    enum failure_cause cause; /* found while reading */
    struct sse_reader reader;
    struct answer answer;
    struct text delta, scratch;
    struct text error_body;
    size_t delivered; /* bytes of text */
    char request_id[UPSTREAM_ID_MAX];
    int64_t retry_after_ms;
};

/* Takes over call->body. */
struct exchange *exchange_new(struct upstream *u, struct upstream_call *call);
void exchange_drop(struct exchange **x);

/* Sends the first request, or waits for the end of a pause. */
void exchange_begin(struct exchange *x);
/* Its due time has come. */
void exchange_due(struct exchange *x, int64_t now_us);
/* Sends the next request not before at_us. */
void exchange_wait(struct exchange *x, int64_t at_us);
/* Gives the handle back; a connection that was not read to its end is closed. */
void exchange_release(struct exchange *x);
/* The one door to a state. */
void exchange_move(struct exchange *x, enum exchange_state to);

/* exchange_read.c: curl's write function; the state is the exchange. */
size_t exchange_read(char *data, size_t one, size_t size, void *state);

/* exchange_end.c; any of them may free x. */
/* The answer is complete, though the connection may not be. */
void exchange_complete(struct exchange *x);
/* curl says that the request is over. */
void exchange_over(struct exchange *x, CURLcode code);
/* The request, or the waiting for it, failed: again later, or the end. */
void exchange_fail(struct exchange *x, enum failure_cause cause);
/* Ends it at once: UPSTREAM_CANCELLED or UPSTREAM_ABANDONED. */
void exchange_stop(struct exchange *x, enum upstream_outcome outcome);
