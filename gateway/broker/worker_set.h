#pragma once
/*
 * The daemons that serve us: per service its ROUTER, its queues, and its workers.  A worker is one
 * instance of a daemon on one connection; how many requests it takes is its credit per lane.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/text.h"
#include "gateway/broker/bus_socket.h"
#include "gateway/broker/pending.h"
#include "proto/api.h"

#define WORKERS_MAX  64       /* instances of a service */
#define SILENCE_US   2000000  /* without a message: given up */
#define TICK_US      250000   /* how often silence is looked for */
#define DYING_US     20000    /* last replies of a process that ended may still be under way */
#define FORGET_US    60000000 /* a silent worker is forgotten */
#define INSTANCE_MAX 31

enum worker_state {
    WORKER_NEW,
    WORKER_READY,    /* takes requests */
    WORKER_DRAINING, /* said GOODBYE: answers what it has, gets nothing new */
    WORKER_SILENT,   /* not heard or not reading: what it has is treated as lost */
    WORKER_DYING,    /* its process or connection is gone; buried at bury_us */
};

struct peer_call;
struct queue;
struct service;

struct worker {
    struct service *service;
    uint32_t route; /* its connection on the service's socket */
    enum worker_state state;
    char instance[INSTANCE_MAX + 1];
    struct bus_peer from;
    int pidfd;        /* -1: not watched */
    int64_t heard_us; /* newest message */
    int64_t bury_us;  /* of DYING */
    bool goodbye;     /* stays draining when it is heard again */
    bool database;    /* as of its newest PING */
    unsigned credit[LANE_COUNT];
    unsigned in_flight[LANE_COUNT];  /* sent, REPLY to come */
    struct queue *own[LANE_COUNT];   /* requests that name this instance; made on first use */
    bool own_turn;                   /* whose turn it is: own or the service's queue */
    struct flight_list flights;      /* in its account */
    struct flight_list lost;         /* given up, a late REPLY would still be welcome */
    LIST_HEAD(, peer_call) calls;    /* what it asked through us */
    LIST_HEAD(, interest) interests; /* topics it follows */
    struct text relay;               /* EVENT records to send to it in this round */
    uint32_t relay_count;
};

struct service {
    enum svc svc;
    struct bus_socket socket;
    bool look;      /* messages may wait in the socket */
    unsigned serve; /* bit per lane that may have something to send */
    struct queue *queue[LANE_COUNT];
    struct worker *worker[WORKERS_MAX];
    unsigned workers, ready;
    unsigned next;   /* where worker_pick() begins */
    int64_t down_us; /* since when no worker is READY */
    char note[32];   /* of the newest PING */
    uint64_t requests, replies, busy, late, retried, lost;
};

struct broker;

/* The worker on that connection, or with that name and READY; NULL: none. */
struct worker *worker_find(struct service *s, uint32_t route);
struct worker *worker_ready_named(struct service *s, const char *instance);

/* A new worker, not READY yet; one that has the same instance name is taken for its earlier
 * connection and dies.  NULL: too many. */
struct worker *worker_add(struct broker *b, struct service *s, uint32_t route, const char *instance,
                          const struct bus_peer *from);

/* The only door to another state, with all that it entails: lost requests, waiting ones, topics. */
void worker_set_state(struct broker *b, struct worker *w, enum worker_state to);

/* Something came from it. */
void worker_heard(struct broker *b, struct worker *w);

/* Its process ended (pidfd), or its connection is gone. */
void worker_dies(struct broker *b, struct worker *w, int64_t bury_us);

/* Whether it is connected and read its messages of late. */
bool worker_listens(const struct worker *w);

/*
 * Sends it a message; payload as in bus_socket_send().  When it does not read or is gone, its state
 * is changed before this returns.
 */
enum bus_sent worker_send(struct broker *b, struct worker *w, const struct envelope *e,
                          zmq_msg_t *payload);

/* Whether it may be sent one more request of that lane. */
bool worker_has_credit(const struct worker *w, enum lane lane);

/* Looks for silence, each TICK_US. */
void workers_tick(struct broker *b);
/* Those whose key does not allow it any more are given up. */
void workers_check_keys(struct broker *b);
/* Frees the workers whose time has come; nothing else does. */
void workers_bury(struct broker *b);
/* Frees all. */
void workers_drop(struct broker *b);

/* What the public functions tell of a service. */
struct service_state;
void service_describe(const struct service *s, struct service_state *ret);
