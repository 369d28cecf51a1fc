/* Threads that wait, the last one first. */
#include "common/idle.h"

#include <stddef.h>

bool idle_wake(struct idle **top)
{
    struct idle *i = *top;

    if (!i)
        return false;
    *top = i->below;
    i->is_woken = true;
    pthread_cond_signal(&i->woken);
    return true;
}

void idle_wait(struct idle **top, pthread_mutex_t *lock)
{
    struct idle me = {.below = *top, .woken = PTHREAD_COND_INITIALIZER};

    *top = &me;
    while (!me.is_woken)
        pthread_cond_wait(&me.woken, lock);
    pthread_cond_destroy(&me.woken);
}
