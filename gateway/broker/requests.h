#pragma once
/*
 * The life of a request: it waits in a queue, is sent, perhaps sent again, and is answered exactly
 * once.  Whoever asks (a thread of the gateway, a daemon) embeds a struct request.
 */
#include <stdint.h>
#include <sys/queue.h>
#include <zmq.h>

#include "gateway/broker/pending.h"
#include "gateway/broker/queue.h"
#include "gateway/broker/timers.h"

#define RETRY_US   100000 /* until a request whose key is in use is sent again */
#define LOSSES_MAX 3      /* workers that may die with a request before it is given up */

struct broker;
struct broker_transfer;
struct bus_request;
struct envelope;
struct request;
struct service;
struct worker;

/* Gives the asker its answer; the request is out of all lists and may be freed.  payload: NULL or
 * taken over; by: who answered, NULL: the broker. */
typedef void request_done_fn(struct broker *b, struct request *r, const struct envelope *reply,
                             zmq_msg_t *payload, struct worker *by);

struct request {
    const struct bus_request *what;
    zmq_msg_t *payload;  /* the body as a message; NULL: as in `what` */
    int64_t deadline_us; /* clock_us() */
    request_done_fn *done;
    struct broker_transfer *transfer; /* of an upload or a download, else NULL */

    /* the rest is kept by requests.c */
    struct service *service;
    struct queue_item item;
    struct queue *queue; /* holds item; NULL: none */
    struct timer timer;  /* deadline, or next try */
    struct flight_list flights;
    unsigned losses;
    LIST_ENTRY(request) all;
};

/* The queue of a lane, bounded as proto/README.md says. */
struct queue *requests_queue_new(enum lane lane);

/* Takes charge of r, whose first five members are set; done() may run before this returns. */
void request_begin(struct broker *b, struct request *r);
/* Nobody waits any more: takes r out of everything, tells the workers.  done() does not run. */
void request_end(struct broker *b, struct request *r);
/* A REPLY has come from w. */
void request_reply(struct broker *b, struct worker *w, const struct envelope *e,
                   zmq_msg_t *payload);

/* Answers what is past its deadline, sends again what is due. */
void requests_due(struct broker *b);
/* Sends what credit allows. */
void requests_serve(struct broker *b, struct service *s);

/* What w was sent counts as lost: is sent again to another, or answered. */
void requests_lose(struct broker *b, struct worker *w);
/* Answers UNAVAILABLE: what waits for that instance alone; all that waits for the service; all. */
void requests_refuse_own(struct broker *b, struct worker *w);
void requests_refuse_service(struct broker *b, struct service *s);
void requests_refuse_all(struct broker *b);
