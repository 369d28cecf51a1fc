/* Queues between the bus thread and the workers of a lane. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon.h"

void lane_queue_init(struct lane_queue *q)
{
    *q = (struct lane_queue){.wake_fd = -1};
    q->last = &q->first;
    pthread_mutex_init(&q->lock, NULL);
}

void lane_queue_put(struct lane_queue *q, struct job *j)
{
    j->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (!q->first)
        q->moved_us = clock_us();
    *q->last = j;
    q->last = &j->next;
    idle_wake(&q->idle);
    pthread_mutex_unlock(&q->lock);
    if (q->wake_fd >= 0)
        eventfd_write(q->wake_fd, 1);
}

static struct job *first_take(struct lane_queue *q)
{
    struct job *j = q->first;

    if (j) {
        q->moved_us = clock_us();
        q->first = j->next;
        if (!q->first)
            q->last = &q->first;
    }
    return j;
}

struct job *lane_queue_take(struct lane_queue *q)
{
    struct job *j;

    pthread_mutex_lock(&q->lock);
    while (!q->first && !q->closed)
        idle_wait(&q->idle, &q->lock);
    j = first_take(q);
    pthread_mutex_unlock(&q->lock);
    return j;
}

struct job *lane_queue_poll(struct lane_queue *q)
{
    struct job *j;

    pthread_mutex_lock(&q->lock);
    j = first_take(q);
    pthread_mutex_unlock(&q->lock);
    return j;
}

struct job *lane_queue_cancel(struct lane_queue *q, int gateway, uint64_t id)
{
    struct job *found = NULL;

    pthread_mutex_lock(&q->lock);
    for (struct job **at = &q->first; *at; at = &(*at)->next) {
        if ((*at)->task || (*at)->gateway != gateway || (*at)->head.id != id)
            continue;
        found = *at;
        *at = found->next;
        if (!*at)
            q->last = at;
        break;
    }
    pthread_mutex_unlock(&q->lock);
    return found;
}

bool lane_queue_over(struct lane_queue *q)
{
    bool over;

    pthread_mutex_lock(&q->lock);
    over = q->closed && !q->first;
    pthread_mutex_unlock(&q->lock);
    return over;
}

void lane_queue_close(struct lane_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    while (idle_wake(&q->idle))
        ;
    pthread_mutex_unlock(&q->lock);
    if (q->wake_fd >= 0)
        eventfd_write(q->wake_fd, 1);
}

int64_t lane_queue_stuck_us(struct lane_queue *q)
{
    int64_t stuck;

    pthread_mutex_lock(&q->lock);
    stuck = q->first ? clock_us() - q->moved_us : 0;
    pthread_mutex_unlock(&q->lock);
    return stuck;
}

const char *job_body(struct job *j, size_t *ret_size)
{
    *ret_size = zmq_msg_size(&j->body_frame);
    return zmq_msg_data(&j->body_frame);
}

void job_drop(struct job **j)
{
    if (!*j)
        return;
    zmq_msg_close(&(*j)->head_frame);
    zmq_msg_close(&(*j)->body_frame);
    text_drop(&(*j)->reply_head);
    text_drop(&(*j)->reply_body);
    text_drop(&(*j)->news);
    free(*j);
    *j = NULL;
}
