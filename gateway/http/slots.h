#pragma once
/*
 * Who holds a thread, and until when.  Each HTTP thread has one slot that says what its connection
 * is doing; a watchdog thread shuts down what takes too long, because civetweb bounds neither slow
 * bodies nor slow readers, and cuts what only waits when threads become scarce.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define HEAD_MAX_MS       10000 /* a request's head must come within this */
#define HEAD_KEPT_MS      3000 /* the same for the next one of a connection, from the reply before */
#define HEAD_PRESSED_MS   2000  /* the same while threads are scarce */
#define BODY_MAX_MS       10000 /* a body must come within this, ... */
#define BODY_PRESSED_MS   1000  /* a whole body must come within this while threads are scarce */
#define BODY_BYTES_PER_MS 16    /* ... and a millisecond more for each so many bytes */
#define SEND_BYTES_PER_MS 16    /* the same for replies */
#define LINGER_MAX_MS     1000  /* how long an unwanted body is read and dropped */

enum slot_state {
    SLOT_FREE,   /* no connection */
    SLOT_HEAD,   /* waits for a request, or for the rest of its head */
    SLOT_WORK,   /* a request is being served */
    SLOT_BODY,   /* its body is read, to be kept as a whole */
    SLOT_PIECE,  /* a piece of its body is read; there are few such, see admit.h */
    SLOT_SEND,   /* its reply is written */
    SLOT_LINGER, /* a body that nobody wants is read */
};

struct slot {
    pthread_mutex_t lock;
    enum slot_state state;
    int64_t since_us, deadline_us; /* of this state; deadline 0: none */
    struct sockaddr_in peer;
    unsigned requests; /* that this connection has sent */
    uint64_t serial;   /* of the connection */
    bool cut;          /* the watchdog has shut it down, ... */
    bool cut_here;     /* ... in this state */
};

struct slots;
struct listener;

/* max: threads.  fd_limit: connections have descriptors below it. */
struct slots *slots_new(unsigned max, int fd_limit);
/* Ends the watchdog; must come before the listener's descriptor is closed by others. */
void slots_stop(struct slots *s);
void slots_drop(struct slots **s);

/* Starts the watchdog.  listener may be paused by it when descriptors run out.  DONE or a fault. */
int slots_watch(struct slots *s, struct listener *listener) __attribute__((warn_unused_result));

/* One more thread's slot; NULL when there are max.  Owned by s. */
struct slot *slot_new(struct slots *s);

/* A connection comes and goes.  Before slot_peer() says whose it is, it cannot be cut. */
void slot_open(struct slots *s, struct slot *slot);
/* True: it was not known before. */
bool slot_peer(struct slot *slot, const char *address, int port);
void slot_close(struct slots *s, struct slot *slot);

/* What it does now, and within how many ms that must be done (0: no bound). */
void slot_set(struct slot *slot, enum slot_state state, int64_t max_ms);

/* Whether the watchdog has shut the connection down. */
bool slot_was_cut(struct slot *slot);

/* Whether the head of a request was waited for as long as it may take. */
bool slot_head_is_late(struct slot *slot);

/* Nothing more is read from its connection; what has come is still served.  For its own thread. */
void slot_stop_reading(const struct slots *s, const struct slot *slot);

/* The descriptor of the slot's connection, for its own thread; -1 when it is gone. */
int slot_fd(const struct slots *s, const struct slot *slot);

/* Whether the connection has sent more than was read. */
bool slot_has_unread(const struct slots *s, const struct slot *slot);

/* Open connections; whether more than 75 % of the threads have one. */
unsigned slots_busy(const struct slots *s);
bool slots_pressed(const struct slots *s);

/* From now on waiting connections are closed, and the listener is left alone. */
void slots_drain(struct slots *s);

/* Connections that the watchdog has cut since the start. */
uint64_t slots_cut_count(const struct slots *s);
