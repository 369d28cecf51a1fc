/* A thread that works off what is in the database. */
#include "common/relay.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/pulse.h"
#include "common/service.h"

#define LOOK_US 1000000 /* the net under relay_wake() */

struct relay {
    const char *name;
    struct db *db;
    relay_fn *work;
    void *state;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake, stop;
};

static bool is_stopped(struct relay *r)
{
    bool stop;

    pthread_mutex_lock(&r->lock);
    stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void *relay_run(void *state)
{
    struct relay *r = state;

    pulse_begin(PULSE_WORK, r->name, 0);
    while (!is_stopped(r)) {
        pulse_beat(NULL);
        int64_t until_us = clock_us() + LOOK_US;
        struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
        if (r->work(r->state, r->db))
            continue;
        pthread_mutex_lock(&r->lock);
        while (!r->wake && !r->stop && pthread_cond_timedwait(&r->woken, &r->lock, &until) == 0)
            ;
        r->wake = false;
        pthread_mutex_unlock(&r->lock);
    }
    pulse_end();
    return NULL;
}

int relay_start(struct daemon *d, const char *name, relay_fn *work, void *state, struct relay **ret)
{
    struct relay *relay = calloc(1, sizeof *relay);
    pthread_condattr_t attr;
    int r;

    if (!relay)
        abort();
    *ret = relay;
    relay->name = name;
    relay->work = work;
    relay->state = state;
    pthread_mutex_init(&relay->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&relay->woken, &attr);
    pthread_condattr_destroy(&attr);
    r = daemon_db(d, &relay->db);
    if (!r && (errno = pthread_create(&relay->thread, NULL, relay_run, relay)))
        r = FAULT("thread: %m");
    return r;
}

void relay_wake(struct relay *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->wake = true;
    pthread_cond_signal(&r->woken);
    pthread_mutex_unlock(&r->lock);
}

void relay_drop(struct relay **relay)
{
    struct relay *r = *relay;

    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->woken);
    pthread_mutex_unlock(&r->lock);
    if (r->thread)
        pthread_join(r->thread, NULL);
    db_close(&r->db);
    free(r);
    *relay = NULL;
}

int relay_backoff(int tries, int most)
{
    return tries < 1 ? 1 : tries > 30 || 1 << (tries - 1) > most ? most : 1 << (tries - 1);
}
