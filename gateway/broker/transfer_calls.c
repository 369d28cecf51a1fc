/* Uploads and downloads: what HTTP threads call. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "gateway/broker/calls.h"
#include "gateway/broker/state.h"
#include "gateway/broker/transfer_state.h"

struct broker_transfer *broker_transfer_begin(struct broker *b, const struct bus_request *req)
{
    struct broker_transfer *t = calloc(1, sizeof *t);
    pthread_condattr_t attr;

    if (!t)
        abort();
    assert(req->op->stream != STREAM_NONE);
    t->broker = b;
    t->request = (struct request){.what = req,
                                  .deadline_us = clock_us() + req->deadline_ms * INT64_C(1000),
                                  .done = transfer_done,
                                  .transfer = t};
    TAILQ_INIT(&t->out);
    TAILQ_INIT(&t->in);
    sem_init(&t->ended, 0, 0);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->moved, &attr);
    pthread_condattr_destroy(&attr);
    atomic_fetch_add(&b->inside, 1);
    t->begin.run = transfer_begin_run;
    inbox_push(&b->inbox, &t->begin);
    return t;
}

/* Gives the piece that is being filled to the broker's thread, when the worker takes it. */
static bool piece_push(struct broker_transfer *t, uint8_t last)
{
    struct piece *p = t->filling ? TAKE(t->filling) : piece_new(t);
    bool open;

    pthread_mutex_lock(&t->lock);
    while (!t->replied && !t->broken && t->pushed >= t->window)
        pthread_cond_wait(&t->moved, &t->lock);
    open = !t->replied && !t->broken;
    pthread_mutex_unlock(&t->lock);
    if (!open) {
        piece_drop(&p);
        return false;
    }
    if (p->size < zmq_msg_size(&p->msg)) { /* a smaller one */
        zmq_msg_t whole;
        zmq_msg_init(&whole);
        zmq_msg_move(&whole, &p->msg);
        if (zmq_msg_init_size(&p->msg, p->size))
            abort();
        memcpy(zmq_msg_data(&p->msg), zmq_msg_data(&whole), p->size);
        zmq_msg_close(&whole);
    }
    p->last = last;
    p->command.run = transfer_piece_run;
    t->pushed++;
    inbox_push(&t->broker->inbox, &p->command);
    return true;
}

bool broker_transfer_write(struct broker_transfer *t, const void *data, size_t size)
{
    const char *from = data;

    while (size) {
        struct piece *p = t->filling;
        size_t n;
        if (!p) {
            p = t->filling = piece_new(t);
            if (zmq_msg_init_size(&p->msg, DATA_MAX))
                abort();
        }
        n = DATA_MAX - p->size < size ? DATA_MAX - p->size : size;
        memcpy((char *)zmq_msg_data(&p->msg) + p->size, from, n);
        p->size += n;
        from += n;
        size -= n;
        if (p->size == DATA_MAX && !piece_push(t, DATA_MORE))
            return false;
    }
    return true;
}

bool broker_transfer_flush(struct broker_transfer *t)
{
    return t->filling ? piece_push(t, DATA_MORE) : true;
}

bool broker_transfer_finish(struct broker_transfer *t)
{
    return piece_push(t, DATA_LAST);
}

bool broker_transfer_wait(struct broker_transfer *t)
{
    bool open;

    pthread_mutex_lock(&t->lock);
    while (!t->replied && !t->broken && !t->window)
        pthread_cond_wait(&t->moved, &t->lock);
    open = !t->replied && !t->broken;
    pthread_mutex_unlock(&t->lock);
    return open;
}

const struct bus_reply *broker_transfer_reply(struct broker_transfer *t)
{
    pthread_mutex_lock(&t->lock);
    while (!t->replied) /* the deadline, if nothing else, sees to it */
        pthread_cond_wait(&t->moved, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return &t->reply;
}

/* The piece that was read last has been used: the worker may send another one. */
static void piece_taken(struct broker_transfer *t)
{
    bool command;

    pthread_mutex_lock(&t->lock);
    t->taken += t->reading != NULL;
    command = !t->granting && !t->last_came && !t->broken;
    t->granting |= command;
    pthread_mutex_unlock(&t->lock);
    piece_drop(&t->reading);
    if (!command)
        return;
    t->grant.run = transfer_grant_run;
    inbox_push(&t->broker->inbox, &t->grant);
}

int broker_transfer_read(struct broker_transfer *t, const char **ret, size_t *ret_size)
{
    const int64_t due = clock_us() + DATA_SILENCE_MS * INT64_C(1000);
    const struct timespec until = {due / 1000000, due % 1000000 * 1000};
    int error = 0;

    assert(t->reply.stream);
    piece_taken(t);
    pthread_mutex_lock(&t->lock);
    while (!error && TAILQ_EMPTY(&t->in) && !t->last_came && !t->broken)
        error = pthread_cond_timedwait(&t->moved, &t->lock, &until);
    if (!t->broken && (t->reading = TAILQ_FIRST(&t->in)))
        TAILQ_REMOVE(&t->in, t->reading, next);
    pthread_mutex_unlock(&t->lock);
    if (!t->reading)
        return -1;
    *ret = zmq_msg_data(&t->reading->msg);
    *ret_size = zmq_msg_size(&t->reading->msg);
    return t->reading->last == DATA_LAST && !*ret_size ? 0 : 1;
}

void broker_transfer_end(struct broker_transfer **ret)
{
    struct broker_transfer *t = *ret;

    if (!t)
        return;
    t->end.run = transfer_end_run;
    inbox_push(&t->broker->inbox, &t->end);
    while (sem_wait(&t->ended) && errno == EINTR)
        ;
    atomic_fetch_sub(&t->broker->inside, 1);
    piece_drop(&t->filling);
    piece_drop(&t->reading);
    pieces_drop(&t->in);
    bus_reply_drop(&t->reply);
    sem_destroy(&t->ended);
    pthread_cond_destroy(&t->moved);
    pthread_mutex_destroy(&t->lock);
    free(TAKE(*ret));
}
