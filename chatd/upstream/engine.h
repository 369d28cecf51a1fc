#pragma once
/* The inside of struct upstream: what its files share. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "chatd/upstream/due_heap.h"
#include "chatd/upstream/transfer.h"
#include "chatd/upstream/upstream.h"

struct exchange;

#define ERRANDS_MAX  256 /* more are not run: the provider ends those responses by itself */
#define NAMELESS_MAX 64  /* calls that are read only for the name of their response; the same */

/* A request whose answer nobody waits for: that a response be cancelled. */
struct errand {
    struct errand *next;
    char response_id[UPSTREAM_ID_MAX];
    CURL *easy; /* NULL: not sent */
};

struct upstream {
    /* constant */
    const struct dialect *dialect;
    const struct upstream_hooks *hooks;
    void *owner;
    int max_calls, tries;
    int64_t tick_us;
    struct transfer_site site;
    pthread_t thread;
    int wake_fd;

    /* under the lock */
    pthread_mutex_t lock;
    struct exchange *open;     /* calls that have not ended */
    struct exchange *incoming; /* those of them that the thread has not seen, oldest first */
    struct exchange **incoming_last;
    int running; /* calls in open */
    bool cancels, stopping, poked;
    struct errand *asked; /* not seen by the thread */
    int errands;
    bool woken; /* wake_fd is written and not read */

    /* the thread's own */
    CURLM *multi;
    int epoll_fd;
    struct transfer_pool pool;
    struct due_heap due;
    struct exchange *ended; /* answers completed in this round */
    struct errand *under_way;
    int nameless;        /* exchanges in that state */
    int64_t curl_due_us; /* 0: none */
    int64_t tick_due_us;
    /* What time limits are judged by: everything that came before seen_us has been read, and
     * late_us, which only grows, is how long this thread was kept from reading, all in all. */
    int64_t seen_us, late_us;
    int64_t round_us, full_since_us; /* of engine_run(): this round, and the first of full ones */
    int full_rounds;
    int round_limit_ms;                 /* that epoll was given */
    atomic_int_fast64_t pause_until_us; /* the provider wants nothing before; others read it */
    bool touched;                       /* a hook ran in this round */
    uint64_t random;
};

/* The thread's function: runs until `stopping`. */
void *engine_run(void *upstream);
/* Makes and frees what the thread alone uses; DONE or a fault. */
int engine_init(struct upstream *u) __attribute__((warn_unused_result));
void engine_drop(struct upstream *u);

/* errand.c: sends those that were asked for; ends one by its handle, or all. */
void errands_send(struct upstream *u);
void errand_end(struct upstream *u, CURL *easy);
void errands_drop(struct upstream *u);

/* Wakes the thread; the lock is held. */
void engine_wake(struct upstream *u);
/* Takes an exchange out of `open`: from now on its id is free. */
void engine_forget(struct upstream *u, struct exchange *x);
uint32_t engine_random(struct upstream *u);
