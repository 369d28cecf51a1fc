#pragma once
/* One request being served.  Everything reachable from it dies with the reply. */
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/text.h"
#include "proto/api.h"

struct daemon;
struct db;

struct call {
    const struct op *op; /* NULL for a periodic task */
    int64_t caller;      /* account, 0: nobody */
    int64_t session;
    bool admin;
    const char *trace;     /* request id, also in every log line */
    const char *address;   /* client's address */
    const char *key;       /* idempotency key, or NULL */
    uint32_t key_ttl;      /* seconds to keep it */
    int64_t deadline_us;   /* clock_us() after which nobody waits */
    struct daemon *daemon; /* the process: settings, bus, the daemon's own state */
    struct db *db;         /* this worker's connection */
    struct arena arena;
    void *prepared; /* what name_prepare() leaves for name(); arena memory */

    /* the answer */
    struct text out; /* JSON body */
    int64_t new_id;  /* replaces {id} in the row's LOCATION */
    int64_t turn_id;
    int http;                   /* success with another status than the row's; 0: the row's */
    const char *location;       /* overrides the row's; arena */
    const char *field, *detail; /* of a deliberate error */
    uint32_t retry_after;
    bool replayed;
    struct text news; /* event records that are sent, after COMMIT, before the reply */
    char next[32];    /* cursor of the next page, "": last page */
    /* Runs on the worker after COMMIT and after the reply was handed to the bus, so that what it
     * publishes comes behind the reply.  trace, key and address are gone by then.  NULL: nothing.
     */
    void (*committed)(struct call *c, void *state);
    /* Runs instead of committed when the transaction was rolled back, or its fate is unknown. */
    void (*undone)(struct call *c, void *state);
    void *settle_state; /* for both */
};

/* The daemon's own state, as its start() set it. */
void *call_state(const struct call *c);

/* A deliberate answer with the field and text that it is about; returns status.
 * field may be NULL; fmt NULL: the status' own text.  Strings are copied into the arena. */
int refuse(struct call *c, int status, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Milliseconds until the deadline, at least 0. */
uint32_t call_left_ms(const struct call *c);

/*
 * Calls an internal operation of another service and waits for it, at most until the deadline.
 * params: its inputs.  On DONE *ret_body is the JSON reply in the call's arena.
 * Results: DONE, the other side's deliberate answer, or UNAVAILABLE/TOO_LATE.
 * Never inside a transaction.
 */
int call_peer(struct call *c, enum op_id op, const struct params *params, const char **ret_body,
              size_t *ret_size) __attribute__((warn_unused_result));
