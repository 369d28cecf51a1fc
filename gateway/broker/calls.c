/* What other threads ask of the broker: each hands a command to its thread and, where it must,
 * waits. */
#include "gateway/broker/broker.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "gateway/broker/calls.h"
#include "gateway/broker/loop.h"
#include "gateway/broker/state.h"

#define CONTAINER(type, member_, p) ((type *)((char *)(p)-offsetof(type, member_)))

static void inside_leave(struct broker **b)
{
    atomic_fetch_sub(&(*b)->inside, 1);
}

/* Until the end of the block broker_drop() waits for this thread. */
#define INSIDE(b)                                       \
    cleanup(inside_leave) struct broker *inside_ = (b); \
    atomic_fetch_add(&inside_->inside, 1)

/* Runs a command on the broker's thread and waits until it posts `done`. */
static void run_and_wait(struct broker *b, struct command *c, sem_t *done)
{
    INSIDE(b);
    sem_init(done, 0, 0);
    if (loop_is_here(b))
        c->run(b, c);
    else
        inbox_push(&b->inbox, c);
    while (sem_wait(done) && errno == EINTR)
        ;
    sem_destroy(done);
}

/* ---- calls ---- */

/* A thread that waits in broker_call(); lives on its stack. */
struct waiter {
    struct command command;
    struct request request;
    struct bus_reply *ret;
    sem_t done;
};

static void cut_copy(char *to, size_t capacity, const char *from)
{
    size_t n = from ? strlen(from) : 0;

    n = n < capacity ? n : capacity - 1;
    if (n)
        memcpy(to, from, n);
    to[n] = '\0';
}

void bus_reply_fill(struct bus_reply *ret, const struct envelope *e, zmq_msg_t *payload)
{
    ret->status = e->status;
    ret->http = e->http;
    ret->replayed = e->replayed;
    ret->stream = e->stream;
    ret->retry_after = e->retry_after;
    ret->turn_id = e->turn_id;
    cut_copy(ret->field, sizeof ret->field, e->field);
    cut_copy(ret->detail, sizeof ret->detail, e->detail);
    cut_copy(ret->location, sizeof ret->location, e->location);
    cut_copy(ret->next, sizeof ret->next, e->next);
    cut_copy(ret->owner, sizeof ret->owner, e->owner);
    cut_copy(ret->cookie, sizeof ret->cookie, e->cookie);
    ret->follower = NULL;
    ret->body_size = payload ? zmq_msg_size(payload) : 0;
    ret->body = ret->body_size ? malloc(ret->body_size + 1) : NULL;
    if (!ret->body_size)
        return;
    if (!ret->body)
        abort();
    memcpy(ret->body, zmq_msg_data(payload), ret->body_size);
    ret->body[ret->body_size] = '\0';
}

/* The follower is there before anything that comes behind the REPLY is read. */
static void waiter_done(struct broker *b, struct request *r, const struct envelope *reply,
                        zmq_msg_t *payload, struct worker *by)
{
    struct waiter *w = CONTAINER(struct waiter, request, r);
    char topic[32];

    bus_reply_fill(w->ret, reply, payload);
    if (r->what->on_turn && reply->turn_id) {
        snprintf(topic, sizeof topic, "turn:%llu", (unsigned long long)reply->turn_id);
        w->ret->follower = follower_new(r->what->op->svc, topic, r->what->on_turn_text,
                                        r->what->on_turn, r->what->on_turn_state);
        follower_begin(b, w->ret->follower, by);
    }
    sem_post(&w->done);
}

static void waiter_run(struct broker *b, struct command *c)
{
    request_begin(b, &CONTAINER(struct waiter, command, c)->request);
}

void broker_call(struct broker *b, const struct bus_request *req, struct bus_reply *ret)
{
    struct waiter w = {
        .command.run = waiter_run,
        .request = {.what = req,
                    .deadline_us = clock_us() + req->deadline_ms * INT64_C(1000),
                    .done = waiter_done},
        .ret = ret,
    };

    assert(!loop_is_here(b)); /* it would wait for itself */
    run_and_wait(b, &w.command, &w.done);
}

void bus_reply_drop(struct bus_reply *r)
{
    free(TAKE(r->body));
}

/* ---- followers ---- */

static void follow_run(struct broker *b, struct command *c)
{
    follower_begin(b, CONTAINER(struct follower, command, c), NULL);
}

struct follower *broker_follow(struct broker *b, enum svc svc, const char *topic, bool text,
                               follow_fn *fn, void *state)
{
    struct follower *f = follower_new(svc, topic, text, fn, state);
    INSIDE(b);

    f->command.run = follow_run;
    inbox_push(&b->inbox, &f->command);
    return f;
}

struct unfollow {
    struct command command;
    struct follower *follower;
    sem_t done;
};

static void unfollow_run(struct broker *b, struct command *c)
{
    struct unfollow *u = CONTAINER(struct unfollow, command, c);

    follower_end(b, u->follower);
    sem_post(&u->done);
}

void broker_unfollow(struct broker *b, struct follower **f)
{
    struct unfollow u = {.command.run = unfollow_run, .follower = *f};

    if (!*f)
        return;
    *f = NULL;
    run_and_wait(b, &u.command, &u.done);
}

struct session_order {
    struct command command;
    follow_fn *fn;
    void *state;
    sem_t done;
};

static void session_run(struct broker *b, struct command *c)
{
    struct session_order *o = CONTAINER(struct session_order, command, c);

    b->on_session = o->fn;
    b->on_session_state = o->state;
    sem_post(&o->done);
}

void broker_on_session(struct broker *b, follow_fn *fn, void *state)
{
    struct session_order o = {.command.run = session_run, .fn = fn, .state = state};

    run_and_wait(b, &o.command, &o.done);
}

struct keys_order {
    struct command command;
    sem_t done;
};

static void keys_run(struct broker *b, struct command *c)
{
    struct keys_order *o = CONTAINER(struct keys_order, command, c);

    workers_check_keys(b);
    sem_post(&o->done);
}

void broker_set_keys(struct broker *b, const char *keys)
{
    struct keys_order o = {.command.run = keys_run};
    const char *why;
    bool good = keyring_read(&b->keys, keys, &why);

    assert(good);
    run_and_wait(b, &o.command, &o.done);
}

/* ---- what there is to know ---- */

struct question {
    struct command command;
    enum svc svc;
    struct service_state *state;
    struct broker_stats *stats;
    char (*names)[BROKER_INSTANCE_MAX];
    unsigned count, max;
    sem_t done;
};

static void state_run(struct broker *b, struct command *c)
{
    struct question *q = CONTAINER(struct question, command, c);

    service_describe(&b->service[q->svc], q->state);
    sem_post(&q->done);
}

void broker_service_state(struct broker *b, enum svc svc, struct service_state *ret)
{
    struct question q = {.command.run = state_run, .svc = svc, .state = ret};

    assert((int)svc < BUS_SERVICES);
    run_and_wait(b, &q.command, &q.done);
}

static void instances_run(struct broker *b, struct command *c)
{
    struct question *q = CONTAINER(struct question, command, c);
    const struct service *s = &b->service[q->svc];

    for (unsigned i = 0; i < s->workers && q->count < q->max; i++)
        if (s->worker[i]->state == WORKER_READY)
            cut_copy(q->names[q->count++], BROKER_INSTANCE_MAX, s->worker[i]->instance);
    sem_post(&q->done);
}

unsigned broker_instances(struct broker *b, enum svc svc, char (*ret)[BROKER_INSTANCE_MAX],
                          unsigned max)
{
    struct question q = {.command.run = instances_run, .svc = svc, .names = ret, .max = max};

    assert((int)svc < BUS_SERVICES);
    run_and_wait(b, &q.command, &q.done);
    return q.count;
}

static void stats_run(struct broker *b, struct command *c)
{
    struct question *q = CONTAINER(struct question, command, c);

    *q->stats = b->stats;
    q->stats->refused_keys = gatekeeper_refused(b->gatekeeper);
    q->stats->strangers = gatekeeper_strangers(b->gatekeeper);
    q->stats->followers = b->topics.followers;
    sem_post(&q->done);
}

void broker_stats(struct broker *b, struct broker_stats *ret)
{
    struct question q = {.command.run = stats_run, .stats = ret};

    run_and_wait(b, &q.command, &q.done);
}
