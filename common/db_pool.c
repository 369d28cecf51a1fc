/* Connections that are lent for a moment, to workers that mostly wait for their clients. */
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/pulse.h"

void db_pool_init(struct db_pool *p)
{
    pthread_condattr_t attr;

    *p = (struct db_pool){0};
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->returned, &attr);
    pthread_condattr_destroy(&attr);
}

void db_pool_drop(struct db_pool *p)
{
    for (int i = 0; i < DB_LENT_MAX; i++)
        db_close(&p->db[i]);
}

/* A free place, or -1; one with an open connection is preferred.  Under the lock. */
static int place_free(const struct db_pool *p)
{
    int found = -1;

    for (int i = 0; i < DB_LENT_MAX; i++)
        if (!p->lent[i] && (found < 0 || (p->db[i] && !p->db[found])))
            found = i;
    return found;
}

static int place_take(struct db_pool *p, int64_t deadline_us, struct db **ret)
{
    const struct timespec until = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
    bool waited = pulse_wait_begin();
    int place, error = 0;

    pthread_mutex_lock(&p->lock);
    while ((place = place_free(p)) < 0 && !error)
        error = pthread_cond_timedwait(&p->returned, &p->lock, &until);
    if (place >= 0) {
        p->lent[place] = true;
        *ret = p->db[place];
    }
    pthread_mutex_unlock(&p->lock);
    pulse_wait_end(waited);
    return place;
}

static void place_set(struct db_pool *p, int place, struct db *db, bool lent)
{
    pthread_mutex_lock(&p->lock);
    p->db[place] = db;
    p->lent[place] = lent;
    if (!lent)
        pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
}

static int place_of(struct db_pool *p, const struct db *db)
{
    int place = -1;

    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < DB_LENT_MAX; i++)
        if (p->db[i] == db)
            place = i;
    pthread_mutex_unlock(&p->lock);
    return place;
}

int db_lend(struct daemon *d, int64_t deadline_us, struct db **ret)
{
    struct db *db = NULL;
    int place = place_take(&d->db_pool, deadline_us, &db), r = UNAVAILABLE;

    if (place < 0)
        return UNAVAILABLE;
    if (!db)
        r = daemon_db(d, &db);
    else if (db_revive(db))
        r = DONE;
    place_set(&d->db_pool, place, db, !r);
    if (r)
        return r;
    atomic_store(&d->db_seen_us, clock_us());
    *ret = db;
    return DONE;
}

void db_return(struct daemon *d, struct db **db)
{
    int place = *db ? place_of(&d->db_pool, *db) : -1;

    if (place >= 0)
        place_set(&d->db_pool, place, *db, false);
    *db = NULL;
}
