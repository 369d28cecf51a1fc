/* Internal calls of this process' workers to other services, through any gateway. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"
#include "common/bus_state.h"
#include "common/clock.h"
#include "common/pulse.h"

#define AGAIN_MAX_US   2000000 /* for how long gateways may refuse */
#define AGAIN_PAUSE_US 50000   /* between two tries, from the third on */

/* An internal call of a worker of this process. */
struct question {
    struct question *next;
    struct envelope request;
    uint64_t id;
    int gateway;                /* that it was sent to, -1: not sent */
    unsigned epoch;             /* of that gateway then */
    unsigned again;             /* how often a gateway had nobody for it */
    int64_t due_us, give_up_us; /* the next try after that, and the last; 0: none was refused */
    int64_t deadline_us;
    struct arena *arena;
    bool done;
    int status;
    const char *body;
    size_t body_size;
};

/* A gateway for an internal call: the next one that is up; -1: none. */
static int link_next(struct bus *b, uint64_t turn)
{
    for (int i = 0; i < b->link_count; i++) {
        int slot = (int)((turn + (uint64_t)i) % (uint64_t)b->link_count);
        if (link_is_up(&b->links[slot]))
            return slot;
    }
    return -1;
}

void questions_send(struct bus *b)
{
    for (struct question *q = b->questions; q; q = q->next) {
        char head[ENVELOPE_HEAD_MAX];
        int64_t left_ms = (q->deadline_us - clock_us()) / 1000;
        struct gateway_link *g;
        size_t size;
        if (q->done || left_ms <= 0 || clock_us() < q->due_us ||
            (q->gateway >= 0 && b->links[q->gateway].epoch == q->epoch))
            continue;
        q->gateway = link_next(b, q->id + q->again);
        if (q->gateway < 0)
            continue;
        g = &b->links[q->gateway];
        q->epoch = g->epoch;
        q->request.id = q->id;
        q->request.deadline_ms = (uint32_t)left_ms;
        size = envelope_encode(&q->request, head, sizeof head);
        if (size && !link_send(g, head, size, NULL))
            q->gateway = -1;
    }
}

/*
 * A gateway that stops, or that was started again and has not got our READY, refuses although the
 * service is well: others know better, or soon this one does.  With gateways that are restarted one
 * after another this happens more than once to one question.
 */
static bool ask_again(struct question *q, int status)
{
    int64_t now = clock_us();

    if (status != UNAVAILABLE)
        return false;
    if (!q->again++)
        q->give_up_us = now + AGAIN_MAX_US;
    if (now >= q->give_up_us)
        return false;
    q->due_us = q->again > 1 ? now + AGAIN_PAUSE_US : now;
    q->gateway = -1;
    return true;
}

void question_answered(struct bus *b, const struct envelope *e, zmq_msg_t *body)
{
    pthread_mutex_lock(&b->lock);
    for (struct question *q = b->questions; q; q = q->next) {
        if (q->id != e->id || q->done)
            continue;
        if (ask_again(q, e->status))
            break;
        q->done = true;
        q->status = e->status;
        q->body_size = zmq_msg_size(body);
        q->body = arena_strndup(q->arena, zmq_msg_data(body), q->body_size);
        pthread_cond_broadcast(&b->answered);
        break;
    }
    pthread_mutex_unlock(&b->lock);
}

static void question_remove(struct bus *b, struct question *gone)
{
    for (struct question **at = &b->questions; *at; at = &(*at)->next) {
        if (*at == gone) {
            *at = gone->next;
            return;
        }
    }
}

int bus_ask(struct bus *b, const struct envelope *request, int64_t deadline_us, struct arena *a,
            const char **ret_body, size_t *ret_size)
{
    struct question q = {.request = *request,
                         .gateway = -1,
                         .deadline_us = deadline_us,
                         .arena = a,
                         .status = TOO_LATE};
    struct timespec until = {.tv_sec = deadline_us / 1000000,
                             .tv_nsec = deadline_us % 1000000 * 1000};
    bool waited = pulse_wait_begin();

    pthread_mutex_lock(&b->lock);
    q.id = ++b->question_id;
    q.next = b->questions;
    b->questions = &q;
    bus_wake(b);
    while (!q.done && !b->no_questions &&
           pthread_cond_timedwait(&b->answered, &b->lock, &until) == 0)
        ;
    if (!q.done && b->no_questions)
        q.status = UNAVAILABLE;
    question_remove(b, &q);
    pthread_mutex_unlock(&b->lock);
    pulse_wait_end(waited);
    *ret_body = q.body;
    *ret_size = q.body_size;
    return q.status;
}

void bus_end_questions(struct bus *b)
{
    pthread_mutex_lock(&b->lock);
    b->no_questions = true;
    pthread_cond_broadcast(&b->answered);
    pthread_mutex_unlock(&b->lock);
}
