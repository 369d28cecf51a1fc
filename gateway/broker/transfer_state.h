#pragma once
/* One transfer, as the broker's thread (transfers.c) and an HTTP thread (transfer_calls.c) share
 * it. */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/broker/state.h"
#include "gateway/broker/transfers.h"

/* A DATA frame on its way between the threads. */
struct piece {
    struct command command;
    TAILQ_ENTRY(piece) next;
    struct broker_transfer *of;
    zmq_msg_t msg;
    size_t size; /* of an upload's: bytes that are filled in */
    uint8_t last;
};
TAILQ_HEAD(piece_list, piece);

struct broker_transfer {
    struct broker *broker;
    struct bus_reply reply; /* set once replied is */

    /* the broker's thread */
    struct request request;
    struct command begin, end;
    bool asked;            /* requests.c has charge of the request */
    uint64_t id;           /* of the sending that DATA belongs to; 0: none yet, or no more */
    bool bound;            /* there was one */
    struct piece_list out; /* to be sent */
    bool in_turn;          /* among the turns */
    uint32_t sent, came;   /* DATA */
    uint32_t granted;      /* WINDOW */
    sem_t ended;
    TAILQ_ENTRY(broker_transfer) turn;
    LIST_ENTRY(broker_transfer) all;

    /* both, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint32_t window;      /* DATA that the worker takes */
    struct piece_list in; /* have come */
    bool last_came;
    bool replied, broken;
    uint32_t taken; /* DATA that the HTTP thread has read */
    struct command grant;
    bool granting; /* the command is on its way */

    /* the HTTP thread */
    struct piece *filling, *reading;
    uint32_t pushed; /* DATA given to the broker's thread */
};

struct piece *piece_new(struct broker_transfer *t);
void piece_drop(struct piece **p);
void pieces_drop(struct piece_list *list);

/* What HTTP threads have the broker's thread run. */
void transfer_begin_run(struct broker *b, struct command *c);
void transfer_end_run(struct broker *b, struct command *c);
void transfer_piece_run(struct broker *b, struct command *c);
void transfer_grant_run(struct broker *b, struct command *c);
/* The request's end. */
void transfer_done(struct broker *b, struct request *r, const struct envelope *reply,
                   zmq_msg_t *payload, struct worker *by);
