/* Threads that nobody needs now. */
#include "gateway/http/parking.h"

void parking_init(struct parking *p)
{
    *p = (struct parking){.ready = 0};
    pthread_mutex_init(&p->lock, NULL);
}

void parking_enter(struct parking *p, bool *is_ready)
{
    pthread_mutex_lock(&p->lock);
    if (!*is_ready && !p->over && p->ready >= PARKING_READY)
        idle_wait(&p->parked, &p->lock); /* who wakes it counts it */
    else if (!*is_ready)
        p->ready++;
    *is_ready = true;
    pthread_mutex_unlock(&p->lock);
}

void parking_leave(struct parking *p, bool *is_ready)
{
    pthread_mutex_lock(&p->lock);
    if (*is_ready)
        p->ready--;
    *is_ready = false;
    if (p->ready < PARKING_LEAST && idle_wake(&p->parked))
        p->ready++;
    pthread_mutex_unlock(&p->lock);
}

void parking_end(struct parking *p)
{
    pthread_mutex_lock(&p->lock);
    p->over = true;
    while (idle_wake(&p->parked))
        p->ready++;
    pthread_mutex_unlock(&p->lock);
}
