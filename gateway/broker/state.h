#pragma once
/* All that the broker's thread owns. */
#include <pthread.h>
#include <stdatomic.h>

#include "gateway/broker/broker.h"
#include "gateway/broker/gatekeeper.h"
#include "gateway/broker/inbox.h"
#include "gateway/broker/pending.h"
#include "gateway/broker/requests.h"
#include "gateway/broker/timers.h"
#include "gateway/broker/topics.h"
#include "gateway/broker/transfers.h"
#include "gateway/broker/worker_set.h"

#define BUS_SERVICES SVC_GATEWAY /* services that have workers: all before the gateway */

struct broker {
    struct inbox inbox; /* shared with the other threads, as is ... */
    atomic_uint inside; /* ... the number of them that are in a function of broker.h */

    struct broker_config config;
    struct keyring keys;           /* shared with the gatekeeper */
    struct gatekeeper *gatekeeper; /* NULL: no daemons of other hosts */
    pthread_t thread;
    void *context; /* ZeroMQ's */
    int epoll;
    bool started, closing;
    int64_t now_us;  /* time of this round */
    int64_t tick_us; /* last workers_tick() */
    int64_t bury_us; /* a worker is to be buried then; INT64_MAX: none */
    int64_t warned_us;
    struct service service[BUS_SERVICES];
    struct pending pending;
    struct timers timers; /* of requests */
    LIST_HEAD(, request) requests;
    struct transfers transfers;
    struct topics topics;
    struct broker_stats stats;
    follow_fn *on_session;
    void *on_session_state;
};
