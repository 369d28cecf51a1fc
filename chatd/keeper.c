/* Who owns which turn: beats, takeovers. */
#include "chatd/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "chatd/chatd.h"
#include "chatd/claim.h"
#include "chatd/meters.h"
#include "chatd/peers.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "chatd/upstream/upstream.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/service.h"

#define BEAT_US  1000000
#define LOOK_US  250000  /* at the beats of others */
#define CHECK_US 2000000 /* of our own rows against what runs */
#define CLAIM_US 1000000 /* the net under topic queue */

struct keeper {
    struct chatd *chatd;
    struct db *db, *claim_db;
    pthread_t beater, claimer;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stop, stop_claims, wake;
    bool waits;     /* a turn may wait in the queue: an end makes the claimer look */
    uint64_t calls; /* of keeper_wake() */
    struct peers peers;
    int64_t beat_due_us, check_due_us;
};

static const char *my_id(struct keeper *k)
{
    return daemon_instance(k->chatd->daemon);
}

/* Runs a statement for its count; negative when it failed. */
static int64_t changed(struct keeper *k, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    return db_run(k->db, query, n, args, &rows) ? -1 : rows_affected(rows);
}

/* Tells that turns wait again; their number. */
static int released(struct keeper *k, const struct pg_result *rows)
{
    turns_tell(k->chatd, rows, "queued");
    if (rows_count(rows) > 0)
        keeper_wake(k);
    return rows_count(rows);
}

/* Puts a dead process' turns back into the queue and forgets the process, unless it lives after
 * all. */
static void take_from(struct keeper *k, const char *id, int64_t beat)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(k->db, Q_owner_take, ARGS(id, beat), &rows))
        return;
    log_line(LOG_LEVEL_NOTICE, "event=takeover process=%s turns=%d", id, released(k, rows));
    meter_add(daemon_meters(k->chatd->daemon), M_takeovers_total, NULL, rows_count(rows));
}

/* The net under topic cancel. */
static bool cancels_look(struct keeper *k)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(k->db, Q_cancels_asked, ARGS(my_id(k)), &rows))
        return false;
    for (int i = 0; i < rows_count(rows); i++)
        turn_cancel_here(k->chatd, rows_i64(rows, i, 0));
    return true;
}

static bool beat(struct keeper *k)
{
    struct chatd *d = k->chatd;
    int64_t now = clock_boot_us(), n = changed(k, Q_owner_beat, ARGS(my_id(k)));

    if (n < 0)
        return false;
    if (n == 0) {
        /* Somebody found us dead and took our turns: what still runs here must not write. */
        if (turns_running(d))
            log_line(LOG_LEVEL_NOTICE, "event=ownership_lost turns=%d", turns_running(d));
        turns_lose(d);
        if (changed(k, Q_owner_insert, ARGS(my_id(k))) < 0)
            return false;
    }
    atomic_store(&d->beat_us, now);
    return cancels_look(k);
}

static bool look(struct keeper *k)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    peers_begin(&k->peers, clock_us());
    if (db_run(k->db, Q_owner_list, ARGS(my_id(k)), &rows))
        return false;
    for (int i = 0; i < rows_count(rows); i++)
        if (peer_seen(&k->peers, rows_str(rows, i, 0), rows_i64(rows, i, 1)))
            take_from(k, rows_str(rows, i, 0), rows_i64(rows, i, 1));
    peers_end(&k->peers);
    return true;
}

/* Turns that the database says run here but do not, say after a lost COMMIT, go back. */
static bool check(struct keeper *k)
{
    cleanup(rows_drop) struct pg_result *rows = NULL, *orphans = NULL;

    if (db_run(k->db, Q_owner_turns, ARGS(my_id(k)), &rows))
        return false;
    for (int i = 0; i < rows_count(rows); i++) {
        cleanup(rows_drop) struct pg_result *stray = NULL;
        int64_t id = rows_i64(rows, i, 0), fence = rows_i64(rows, i, 1);
        if (turn_is_here(k->chatd, id, fence))
            continue;
        log_line(LOG_LEVEL_NOTICE, "event=stray_turn turn=%" PRId64, id);
        if (!db_run(k->db, Q_turn_release, ARGS(id, fence, my_id(k)), &stray))
            released(k, stray);
    }
    if (db_run(k->db, Q_orphans_release, NO_ARGS, &orphans))
        return false;
    released(k, orphans);
    return true;
}

/* Figures that are looked up, not counted. */
static bool measure(struct keeper *k)
{
    struct chatd *d = k->chatd;
    struct meters *m = daemon_meters(d->daemon);
    cleanup(rows_drop) struct pg_result *rows = NULL;

    meter_set(m, M_turns_running, NULL, turns_running(d));
    meter_set(m, M_turns_max, NULL, d->max_turns);
    meter_set(m, M_pause_seconds, NULL,
              d->upstream ? (upstream_pause_us(d->upstream) + 999999) / 1000000 : 0);
    if (db_run(k->db, Q_queue_look, NO_ARGS, &rows))
        return false;
    meter_set(m, M_queue_turns, NULL, rows_i64(rows, 0, 0));
    meter_set(m, M_queue_age_seconds, NULL, rows_i64(rows, 0, 1));
    return true;
}

/* One round; false when the database did not answer. */
static bool beat_round(struct keeper *k)
{
    int64_t now = clock_us();
    bool alive;

    if (!db_usable(k->db))
        peers_forget(&k->peers);
    alive = db_revive(k->db);
    if (alive && now >= k->beat_due_us) {
        alive = beat(k) && measure(k);
        k->beat_due_us = now + BEAT_US;
    }
    alive = alive && look(k);
    if (alive && now >= k->check_due_us) {
        alive = check(k);
        k->check_due_us = now + CHECK_US;
    }
    atomic_store(&k->chatd->paused,
                 k->chatd->upstream && upstream_pause_us(k->chatd->upstream) > 0);
    if (!alive)
        atomic_store(&k->chatd->beat_failed_us, clock_boot_us());
    return alive;
}

/* Waits until `until_us` or until *stop; the claimer also until it is woken.  False: stop. */
static bool rest(struct keeper *k, int64_t until_us, const bool *stop, bool *wake)
{
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    bool stopped;

    pthread_mutex_lock(&k->lock);
    while (!*stop && !(wake && *wake) && pthread_cond_timedwait(&k->woken, &k->lock, &until) == 0)
        ;
    if (wake)
        *wake = false;
    stopped = *stop;
    pthread_mutex_unlock(&k->lock);
    return !stopped;
}

static void *beater_run(void *state)
{
    struct keeper *k = state;

    pulse_begin(PULSE_LOOP, "beater", 0);
    do {
        pulse_beat(NULL);
        if (!beat_round(k))
            peers_forget(&k->peers);
    } while (rest(k, clock_us() + LOOK_US, &k->stop, NULL));
    pulse_end();
    return NULL;
}

/* When to look into the queue although nobody calls: soon after the end of a pause that the
 * provider wants, with some spread between processes, and each second. */
static int64_t claim_due_us(struct keeper *k)
{
    int64_t pause = upstream_pause_us(k->chatd->upstream), most = pause / 8;
    uint32_t random;

    if (pause == 0 || pause >= CLAIM_US)
        return clock_us() + CLAIM_US;
    random_bytes(&random, sizeof random);
    return clock_us() + pause + random % (uint32_t)(most + 1);
}

/* What was called for during the round is not known to it. */
static void claim_round(struct keeper *k)
{
    uint64_t calls;
    bool empty;

    pthread_mutex_lock(&k->lock);
    calls = k->calls;
    pthread_mutex_unlock(&k->lock);
    empty = db_revive(k->claim_db) && claim_all(k->chatd, k->claim_db);
    pthread_mutex_lock(&k->lock);
    k->waits = !empty || k->calls != calls;
    pthread_mutex_unlock(&k->lock);
}

static void *claimer_run(void *state)
{
    struct keeper *k = state;

    pulse_begin(PULSE_WORK, "claimer", 0);
    do {
        pulse_beat(NULL);
        claim_round(k);
    } while (rest(k, claim_due_us(k), &k->stop_claims, &k->wake));
    pulse_end();
    return NULL;
}

int keeper_start(struct chatd *d, struct keeper **ret)
{
    struct keeper *k = calloc(1, sizeof *k);
    pthread_condattr_t attr;
    int r;

    if (!k)
        abort();
    *ret = k; /* the claimer's turns end with keeper_wake() */
    k->chatd = d;
    k->waits = true;
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->woken, &attr);
    pthread_condattr_destroy(&attr);
    r = daemon_db(d->daemon, &k->db);
    if (!r)
        r = daemon_db(d->daemon, &k->claim_db);
    atomic_store(&d->beat_us, clock_boot_us());
    if (!r && changed(k, Q_owner_insert, ARGS(my_id(k))) < 0)
        r = -1;
    if (!r && (errno = pthread_create(&k->beater, NULL, beater_run, k)))
        r = FAULT("thread: %m");
    if (!r && d->upstream && (errno = pthread_create(&k->claimer, NULL, claimer_run, k)))
        r = FAULT("thread: %m");
    if (r)
        keeper_drop(ret);
    return r;
}

void keeper_wake(struct keeper *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->wake = k->waits = true;
    k->calls++;
    pthread_cond_broadcast(&k->woken);
    pthread_mutex_unlock(&k->lock);
}

void keeper_slot_free(struct keeper *k, bool waits)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    waits |= k->waits;
    pthread_mutex_unlock(&k->lock);
    if (waits)
        keeper_wake(k);
}

static void thread_stop(struct keeper *k, pthread_t *thread, bool *stop)
{
    pthread_mutex_lock(&k->lock);
    *stop = true;
    pthread_cond_broadcast(&k->woken);
    pthread_mutex_unlock(&k->lock);
    if (*thread)
        pthread_join(*thread, NULL);
    *thread = 0;
}

void keeper_stop_claims(struct keeper *k)
{
    thread_stop(k, &k->claimer, &k->stop_claims);
}

void keeper_stop_beats(struct keeper *k)
{
    thread_stop(k, &k->beater, &k->stop);
}

static void threads_stop(struct keeper *k)
{
    keeper_stop_claims(k);
    keeper_stop_beats(k);
}

void keeper_hand_over(struct keeper *k)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    threads_stop(k);
    /* else the others will see our beat stand still */
    if (!db_revive(k->db) || db_run(k->db, Q_owner_leave, ARGS(my_id(k)), &rows))
        return;
    if (released(k, rows) > 0)
        log_line(LOG_LEVEL_NOTICE, "event=hand_over turns=%d", rows_count(rows));
}

void keeper_drop(struct keeper **keeper)
{
    struct keeper *k = *keeper;

    if (!k)
        return;
    threads_stop(k);
    peers_forget(&k->peers);
    db_close(&k->db);
    db_close(&k->claim_db);
    free(k);
    *keeper = NULL;
}
