#pragma once
/*
 * The broker: one I/O thread that connects the gateway's HTTP threads with the daemons over ZeroMQ.
 * It knows services, workers, credit, deadlines, fairness and topics; it never parses a payload.
 * The protocol is in proto/README.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/curve.h"
#include "proto/api.h"
#include "proto/envelope.h"

struct broker;

struct broker_config {
    const char *bus_dir;       /* directory that holds one directory per gateway */
    const char *name;          /* this gateway's directory */
    uid_t peer_uid[SVC_COUNT]; /* kernel uid that each service must have */
    gid_t peer_gid[SVC_COUNT]; /* group of each service's socket directory; (gid_t)-1: as it is */
    uint32_t grace_ms;         /* how long requests wait for a service that has no worker,
                                * counted from its loss; 0: BROKER_GRACE_MS */
    /* daemons of other hosts: */
    const char *listen;   /* IPv4 address that they connect to; NULL: there are none */
    int port;             /* of the first service, the others follow */
    struct curve_key key; /* secret */
    const char *keys;     /* their public keys, as BUS_PEERS has them */
};

#define BROKER_GRACE_MS 5000 /* longer than a daemon's restart takes */

/*
 * Binds one ROUTER per service at <bus_dir>/<name>/<service>/bus (directories 0750) and starts the
 * thread.  DONE, or a fault: a path over 107 bytes, a socket that another process serves, a failed
 * call.  The process' umask is 0117 for a moment: call it before other threads make files.
 */
int broker_start(const struct broker_config *config, struct broker **ret)
    __attribute__((warn_unused_result));

/* Takes another list of keys, which must be well formed; whose key is gone is served no more. */
void broker_set_keys(struct broker *b, const char *keys);

/*
 * Fails what is still waiting with UNAVAILABLE, waits until every thread has left the functions
 * below, stops the thread, unlinks the sockets.  No thread may enter them any more, and every
 * follower must have been ended.
 */
void broker_drop(struct broker **ret);

/*
 * A follower gets the events of one topic.  The callback runs on the broker's thread: it must only
 * copy and wake, never block.  `what` and the rest are as in common/events.h.
 */
struct event;
typedef void follow_fn(void *state, const struct event *e);
struct follower;

/* One request of an HTTP thread.  Pointers must stay valid until broker_call() returns. */
struct bus_request {
    const struct op *op;
    int64_t caller, session;
    bool admin;
    const char *trace;   /* request id, and who asks within it: common/trace.h */
    const char *key;     /* idempotency key or NULL */
    uint32_t key_ttl;    /* seconds */
    const char *to;      /* instance or NULL */
    const char *address; /* client's address, also the fairness key when caller is 0 */
    struct blob params;  /* encoded as struct params */
    const char *body;    /* payload, may be NULL */
    size_t body_size;
    uint32_t deadline_ms;
    /* The key was made by the gateway, so IN_FLIGHT can only mean our own earlier try, on a worker
     * that was given up: ask again every 100 ms until its end. */
    bool retry_in_flight;
    /* For operations that answer with a turn: follow topic turn:<id> from the moment of the reply,
     * without a gap (the daemon follows the turn for this gateway by itself).  NULL: do not. */
    follow_fn *on_turn;
    void *on_turn_state;
    bool on_turn_text; /* also text deltas */
};

/* Its answer; bus_reply_drop() frees it.  The strings are cut to fit. */
struct bus_reply {
    int status;            /* enum status */
    int http;              /* HTTP status of success */
    bool replayed, stream; /* stream: a download's bytes follow */
    uint32_t retry_after;
    uint64_t turn_id;
    char field[256], detail[256], location[256], next[256], cookie[256];
    char owner[32]; /* instance that knows more of it, "": none; see call_send() */
    char *body;     /* payload, NUL-terminated, or NULL */
    size_t body_size;
    struct follower
        *follower; /* of on_turn, else NULL; the caller ends it with broker_unfollow() */
};

/*
 * Sends a request to a worker of op->svc and waits for the answer.
 * Always fills ret: the worker's answer, or one of the broker's own: BUSY (queue full, with
 * retry_after), TOO_LATE (deadline), UNAVAILABLE (the service has no worker, see grace_ms; or the
 * worker died and the request may not be repeated).
 * A request whose worker dies is sent again to another one, or to its successor, within the
 * deadline if its method is GET, it is internal, or it carries a key.
 * Any number of threads may call it at once, but not a callback.
 */
void broker_call(struct broker *b, const struct bus_request *req, struct bus_reply *ret);
void bus_reply_drop(struct bus_reply *r);

/*
 * Uploads and downloads: a request whose bytes pass in pieces, of which at most DATA_WINDOW are
 * under way.  One thread uses a transfer; its waits end with the deadline, which begins anew with
 * each piece.
 */
struct broker_transfer;

/* Begins the request (its op has a stream); req and what it points to must stay valid until
 * broker_transfer_end(). */
struct broker_transfer *broker_transfer_begin(struct broker *b, const struct bus_request *req);

/*
 * An upload's bytes.  wait: until a worker wants them; write: adds some, and waits while the worker
 * is behind; flush: sends what is there although more comes; finish: that was all.
 * False: there is a reply already, and nobody wants the rest.
 */
bool broker_transfer_wait(struct broker_transfer *t);
bool broker_transfer_write(struct broker_transfer *t, const void *data, size_t size);
bool broker_transfer_flush(struct broker_transfer *t);
bool broker_transfer_finish(struct broker_transfer *t);

/* Waits for the reply, which is as broker_call()'s and lives as long as the transfer. */
const struct bus_reply *broker_transfer_reply(struct broker_transfer *t);

/* The next bytes of a download whose reply says `stream`; they live until the next call.
 * 1: some (maybe none); 0: the end; -1: broken off, or the worker was silent for too long. */
int broker_transfer_read(struct broker_transfer *t, const char **ret, size_t *ret_size);

/* Ends it; the worker of one that is not over is told. */
void broker_transfer_end(struct broker_transfer **t);

/* Follows a topic at every instance of a service, those that come later included.  `text`: also
 * text deltas.  The callback may run before this returns.  At most 255 bytes of topic. */
struct follower *broker_follow(struct broker *b, enum svc svc, const char *topic, bool text,
                               follow_fn *fn, void *state);
/* Ends it and sets *f to NULL; after return the callback runs no more, so the caller must not hold
 * a lock that the callback takes.  A callback may call it. */
void broker_unfollow(struct broker *b, struct follower **f);

/* The session events of authd (revocations), see proto/README.md; fn NULL: nobody.  Called on the
 * broker's thread for each "session" record. */
void broker_on_session(struct broker *b, follow_fn *fn, void *state);

/* What the broker knows of a service; for /health and /metrics. */
struct service_state {
    int instances; /* READY and heard of within 2 s */
    bool database; /* there are instances, and every one's database answers */
    char note[32]; /* note of the newest PING */
    unsigned queued[LANE_COUNT], in_flight[LANE_COUNT];
    unsigned credit[LANE_COUNT]; /* requests that those READY take at once */
    /* Counters since start.  replies: of workers, those that nobody waited for included; late:
     * TOO_LATE; retried: sent again; lost: UNAVAILABLE because the worker was given up. */
    uint64_t requests, replies, busy, late, retried, lost;
};
void broker_service_state(struct broker *b, enum svc svc, struct service_state *ret);

#define BROKER_INSTANCE_MAX 32 /* bytes of an instance's name, with NUL */

/* The names of the instances that are READY: at most max; returns how many. */
unsigned broker_instances(struct broker *b, enum svc svc, char (*ret)[BROKER_INSTANCE_MAX],
                          unsigned max);

/* Counters of the bus as a whole, in messages; events in records.  refused_peers: messages of
 * somebody who may not send them; events_dropped: nobody followed, or the follower did not read. */
struct broker_stats {
    uint64_t frames_in, frames_out, bad_frames, refused_peers, events_in, events_dropped;
    uint64_t refused_keys; /* connections from other hosts with a key that may not */
    uint64_t strangers;    /* connections from other hosts that never showed a key */
    unsigned pending, followers;
};
void broker_stats(struct broker *b, struct broker_stats *ret);
