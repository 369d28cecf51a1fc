#pragma once
/* The bus thread's state, shared by bus.c, bus_intake.c and bus_questions.c. */
#include <stdatomic.h>

#include "common/bus_gateway.h"
#include "common/daemon.h"

struct question;
struct transfer;
struct bulk;

struct bus {
    struct daemon *daemon;
    void *context;
    int wake_fd, watch_fd;
    pthread_t thread;
    struct gateway_link links[GATEWAYS_MAX];
    int link_count;
    int64_t look_due_us; /* at BUS_DIR */
    int64_t task_due_us[TASKS_MAX];
    bool dir_missing;   /* BUS_DIR; it was said */
    bool database;      /* answered lately, as PING says */
    struct job *unsent; /* answers, in order; what could not be sent stays for the next round */
    struct transfer *transfers; /* under way */

    /* shared with the workers */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct job *replies, **replies_last; /* new ones */
    struct bulk *bulk, **bulk_last;      /* DATA and WINDOW to send */
    struct text events;                  /* records for the next round */
    struct question *questions;          /* internal calls under way */
    uint64_t question_id;
    atomic_bool goodbye;
    bool stop, no_questions;
    unsigned events_dropped; /* since it was last said */
};

/* Wakes the thread. */
void bus_wake(struct bus *b);

/* Sends some of the DATA and WINDOW that wait; true: more wait. */
bool bulk_send(struct bus *b);
/* Breaks off the transfers whose gateway was lost. */
void bulk_check(struct bus *b);
void bulk_drop(struct bus *b);

/* Takes what a gateway has sent. */
void link_receive(struct bus *b, struct gateway_link *g);

/* Sends the questions that are new, or whose gateway may have forgotten them.  Under the lock. */
void questions_send(struct bus *b);
/* The answer to one. */
void question_answered(struct bus *b, const struct envelope *e, zmq_msg_t *body);
