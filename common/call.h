#pragma once
/* One request being served.  Everything reachable from it dies with the reply. */
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/digest.h"
#include "common/text.h"
#include "proto/api.h"

struct daemon;
struct db;
struct transfer;

struct call {
    const struct op *op; /* NULL for a periodic task */
    int64_t caller;      /* account, 0: nobody */
    int64_t session;
    bool admin;
    const char *trace;         /* as on the bus: common/trace.h; its id is in every log line */
    const char *address;       /* client's address */
    const char *key;           /* idempotency key, or NULL */
    uint32_t key_ttl;          /* seconds to keep it */
    int64_t deadline_us;       /* clock_us() after which nobody waits */
    struct daemon *daemon;     /* the process: settings, bus, the daemon's own state */
    struct db *db;             /* this worker's connection; lane BULK: NULL but in apply */
    struct transfer *transfer; /* of an upload or a download, else NULL */
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
    struct text news;   /* event records that are sent, after COMMIT, before the reply */
    bool outbox_filled; /* by outbox_add() */
    char next[32];      /* cursor of the next page, "": last page */
    const char *owner;  /* instance of this service that knows more of it, NULL: none */
    /* The client's session cookie from now on, "-": none, NULL: as it is; arena. */
    const char *cookie;
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

/*
 * Adds an event to the daemon's outbox in the call's transaction: after COMMIT the internal
 * operation is called, at least once, with these inputs and event_id, on behalf of c->caller, in
 * order with the other events of the object ("project:5").
 */
int outbox_add(struct call *c, enum op_id op, const char *object, const struct params *params)
    __attribute__((warn_unused_result));

/*
 * Uploads and downloads (rows with UPLOAD() or DOWNLOAD(), lane BULK).  A worker of that lane has
 * no connection of its own: c->db is NULL but in apply, and each db_...() outside of it is lent one
 * of the process' few for that statement, so never keep one busy with what waits for the bus.
 *
 * An upload is read in prepare: name_prepare() takes all of it, then name() runs in its
 * transaction.  What prepare made outside of the database must be undone by c->undone (set it in
 * prepare, with settle_state), which here runs also when the call is answered with the stored reply
 * of an earlier one, or apply is never reached; apply may run again with the same c->prepared when
 * the database went away.  A download is a BARE row: the handler looks up what to send, calls
 * call_stream(), then call_write() until all is sent; an error before call_stream() is an answer
 * like any other, one behind it breaks the download off, and the client sees that.
 *
 * Results: DONE; UNAVAILABLE: the client left, or the gateway is gone; TOO_LATE: too little came or
 * went in time.  After either, return it: there is nobody to answer.
 */
/* The next bytes of the upload, at most capacity; waits for some.  *ret_size 0: the end. */
int call_read(struct call *c, void *buf, size_t capacity, size_t *ret_size)
    __attribute__((warn_unused_result));
/* Bytes read so far and their SHA-256, which the runtime makes anyway for the idempotency key. */
int64_t call_digest(const struct call *c, unsigned char ret_sha256[DIGEST_SIZE]);
/* Sends the reply of a download now: c->out, JSON with the members of shape "download", and c->http
 * 206 for a part of the whole.  call_stream_made() writes c->out for one that is made while it is
 * sent: its size is not known, and it has no parts. */
int call_stream(struct call *c) __attribute__((warn_unused_result));
int call_stream_made(struct call *c, const char *type, const char *filename)
    __attribute__((warn_unused_result));
/*
 * What of size bytes a download sends: all, or the one range that the Range header names (RFC 9110,
 * section 14; a malformed one, several, or one of another version by If-Range are ignored).  Both
 * headers as the row's inputs range and if_range, NULL if not given.  Sets c->http to 206, or to
 * 416 with *ret_count 0 when nothing lies in the range; go on to call_stream() in any case.
 */
void call_range(struct call *c, const char *range, const char *if_range, const char *sha256,
                int64_t size, int64_t *ret_first, int64_t *ret_count);
/* More bytes of the download; waits while the client is slow.  Best in pieces of DATA_MAX. */
int call_write(struct call *c, const void *data, size_t size) __attribute__((warn_unused_result));

/*
 * Calls an internal operation of another service and waits for it, at most until the deadline.
 * params: its inputs.  On DONE *ret_body is the JSON reply in the call's arena.
 * Results: DONE, the other side's deliberate answer, or UNAVAILABLE/TOO_LATE.
 * Never inside a transaction.
 */
int call_peer(struct call *c, enum op_id op, const struct params *params, const char **ret_body,
              size_t *ret_size) __attribute__((warn_unused_result));
