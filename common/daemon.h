#pragma once
/*
 * Inside of the daemon runtime: what service.c, bus.c, worker.c and fast.c share.  Handlers see
 * call.h, db.h and service.h only.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "common/curve.h"
#include "common/db.h"
#include "common/idle.h"
#include "common/service.h"
#include "common/text.h"
#include "proto/api.h"
#include "proto/envelope.h"

#define TASKS_MAX 16

struct bus;
struct transfer;

/* One request on its way through the daemon, or a periodic task. */
struct job {
    struct job *next;
    struct envelope head; /* strings point into head_frame */
    zmq_msg_t head_frame, body_frame;
    const struct op *op;     /* NULL: unknown operation, or a task */
    const struct task *task; /* NULL: a request */
    int gateway;             /* slot of the gateway that sent it */
    int64_t deadline_us;
    struct transfer *transfer; /* of an upload or a download; the bus thread makes and ends it */
    /* the answer; without a head it was sent before */
    struct envelope reply;
    struct text reply_head, reply_body;
    struct text news; /* event records to send before it */
};

const char *job_body(struct job *j, size_t *ret_size);
void job_drop(struct job **j);

/* A lane's queue: filled by the bus thread, emptied by the lane's workers. */
struct lane_queue {
    pthread_mutex_t lock;
    struct idle *idle; /* workers that wait */
    struct job *first, **last;
    bool closed;
    int wake_fd;      /* eventfd for the FAST lane's poll, else -1 */
    int64_t moved_us; /* clock_us() when a job was last taken, or put where none was */
};

void lane_queue_init(struct lane_queue *q);
void lane_queue_put(struct lane_queue *q, struct job *j);
/* Waits for a job; NULL when the queue is closed and empty. */
struct job *lane_queue_take(struct lane_queue *q);
/* Takes one if there is one. */
struct job *lane_queue_poll(struct lane_queue *q);
/* Removes a request that nobody has begun; NULL if there is none. */
struct job *lane_queue_cancel(struct lane_queue *q, int gateway, uint64_t id);
void lane_queue_close(struct lane_queue *q);
/* For how long jobs have waited and none was taken; 0: none waits. */
int64_t lane_queue_stuck_us(struct lane_queue *q);
/* Whether it is closed and empty. */
bool lane_queue_over(struct lane_queue *q);

#define DB_LENT_MAX 2 /* connections of the workers that have none of their own */

/* They are opened when they are first needed. */
struct db_pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct db *db[DB_LENT_MAX];
    bool lent[DB_LENT_MAX];
};

struct daemon {
    const struct service *service;
    struct conf *conf;
    struct bus *bus;
    struct outbox *outbox;
    struct meters *meters;
    void *state;
    struct curve_key bus_key; /* secret; on the bus between hosts */
    bool has_bus_key;
    char instance[17];
    struct lane_queue lanes[LANE_COUNT];
    struct db_pool db_pool;                /* of lane BULK */
    struct task tasks[TASKS_MAX + 1];      /* the service's and the runtime's own */
    atomic_bool task_waits[TASKS_MAX + 1]; /* in a lane already: not put there once more */
    pthread_t threads[64];
    int thread_count;
    atomic_int busy;                     /* requests taken and not yet served to the end */
    atomic_int_fast64_t db_seen_us;      /* clock_us() when the database last answered; 0: away */
    atomic_int_fast64_t slow_request_us; /* 0: none is */
    atomic_bool draining, failed;
    atomic_bool database_gone; /* at the process' end: it does not answer */
    atomic_bool ended;
};

/* Requests that a lane takes at once from each gateway. */
int daemon_credit(const struct daemon *d, enum lane lane);

/* Threads of the lanes. */
void *worker_run(void *daemon_and_lane);
void *fast_run(void *daemon);
struct worker_start {
    struct daemon *daemon;
    enum lane lane;
    int number; /* in its lane, from 1 */
};

/* Opens a connection and waits for the database if it is away; NULL only when draining, or when a
 * statement is wrong (logged; the process ends). */
struct db *daemon_db_wait(struct daemon *d, int statement_timeout_ms);

/* The relay of the outbox: a thread with a connection of its own. */
struct outbox;
int outbox_start(struct daemon *d, struct outbox **ret) __attribute__((warn_unused_result));
void outbox_drop(struct outbox **o);
/* Rows were added.  Accepts NULL. */
void outbox_wake(struct outbox *o);

void db_pool_init(struct db_pool *p);
void db_pool_drop(struct db_pool *p);
/* A connection that answers, for a moment.  DONE; UNAVAILABLE: no database, or none was free until
 * the deadline; or a fault. */
int db_lend(struct daemon *d, int64_t deadline_us, struct db **ret)
    __attribute__((warn_unused_result));
/* Gives it back and sets *db to NULL; accepts NULL. */
void db_return(struct daemon *d, struct db **db);

/* The bus: from here on it can be published to and asked through. */
void bus_open(struct daemon *d, struct bus **ret);
/* Its thread: connects to every gateway, hands jobs to the lanes, sends answers. */
int bus_start(struct bus *b) __attribute__((warn_unused_result));
/* Tells every gateway GOODBYE. */
void bus_goodbye(struct bus *b);
/* Who waits for another service, or asks one from now on, gets UNAVAILABLE at once. */
void bus_end_questions(struct bus *b);
/* Sends what is left and ends the thread. */
void bus_drop(struct bus **b);
/* Hands an answered job back; the bus owns it from here. */
void bus_reply(struct bus *b, struct job *j);
/* Sends DATA or WINDOW behind everything else, if the link with that slot still has that epoch;
 * body is taken. */
void bus_send_bulk(struct bus *b, int gateway, unsigned epoch, const struct envelope *e,
                   struct text *body);
void bus_publish(struct bus *b, const struct event *e);
void bus_publish_all(struct bus *b, const struct text *records);
/* One internal call; see call_peer(). */
int bus_ask(struct bus *b, const struct envelope *request, int64_t deadline_us, struct arena *a,
            const char **ret_body, size_t *ret_size);
