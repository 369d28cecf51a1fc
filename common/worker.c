/* A worker of any lane but FAST: one thread, one call at a time, and but for lane BULK one database
 * connection. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "common/apply.h"
#include "common/bulk.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/priority.h"
#include "common/pulse.h"
#include "common/serve.h"

#define RETRY_PAUSE_US   50000 /* between tries of a call whose database went away */
#define CONTENTION_TRIES 3     /* of a call that met a deadlock or a lock timeout */

static bool is_kept(const struct call *c)
{
    return c->key && c->op->keep != KEEP_NOTHING;
}

static int call_run(struct call *c, const struct handler *h, const void *in,
                    const struct idempotency *key)
{
    int r;

    if (c->op->phases == PHASES_BARE)
        return h->apply(c, in);
    if (c->op->phases == PHASES_PREPARE) {
        r = h->prepare(c, in);
        if (r)
            return call_prepare_refused(c, key, r);
    }
    return call_apply(c, h, in, key);
}

/*
 * A call that lost its database is run again until its deadline where that is safe: it changes
 * nothing, or its key tells whether the lost COMMIT took place.  One that met a deadlock was rolled
 * back and is run again a few times.
 */
static int call_try(struct call *c, const struct handler *h, const void *in,
                    const struct idempotency *key)
{
    bool repeatable = c->key || c->op->method == METHOD_GET || c->op->method == METHOD_NONE;

    for (int tries = 1;; tries++) {
        int r = UNAVAILABLE;
        struct timespec pause = {.tv_nsec = RETRY_PAUSE_US * 1000};
        if (db_revive(c->db)) {
            r = call_run(c, h, in, key);
            if (c->op->phases != PHASES_BARE && db_usable(c->db))
                atomic_store(&c->daemon->db_seen_us, clock_us());
            if (r == BUSY ? c->op->phases == PHASES_BARE || tries >= CONTENTION_TRIES
                          : r != UNAVAILABLE || !repeatable || db_usable(c->db))
                return r;
        }
        if (clock_us() + RETRY_PAUSE_US >= c->deadline_us || atomic_load(&c->daemon->draining))
            return r;
        nanosleep(&pause, NULL);
        pulse_beat(c->op->name);
        answer_clear(c);
    }
}

static void request_serve(struct call *c, struct job *j)
{
    cleanup(json_drop) struct json_object *json = NULL;
    struct idempotency key;
    int64_t started = clock_us();
    size_t body_size;
    const char *body = job_body(j, &body_size);
    void *in = NULL;
    int r;

    if (started > j->deadline_us) {
        r = TOO_LATE;
    } else {
        r = call_decode(c, j, &json, &in);
        if (!r) {
            const struct handler *h = &c->daemon->service->handlers[c->op->id];
            bool kept = is_kept(c);
            if (kept)
                idempotency_of(c, j->head.params.data, j->head.params.size, body, body_size, &key);
            r = c->transfer ? bulk_run(c, h, in, &j->head.params)
                            : call_try(c, h, in, kept ? &key : NULL);
        }
    }
    call_answer(c, j, r, started);
    if (r == DONE && c->outbox_filled)
        outbox_wake(c->daemon->outbox);
    if (r == DONE && c->committed)
        c->committed(c, c->settle_state);
    atomic_fetch_sub(&c->daemon->busy, 1);
}

static void task_run(struct call *c, struct job *j)
{
    struct daemon *d = c->daemon;
    int r;

    if (db_revive(c->db) && db_begin(c->db) == DONE) {
        r = j->task->run(c);
        if (r)
            db_rollback(c->db);
        else
            r = db_commit(c->db);
        if (!r && c->news.size)
            daemon_publish_all(d, &c->news);
        if (!r && c->committed)
            c->committed(c, c->settle_state);
        if (!r)
            atomic_store(&d->db_seen_us, clock_us());
        else
            answer_undo(c);
    }
    atomic_store(&d->task_waits[j->task - d->tasks], false);
    job_drop(&j);
}

void *worker_run(void *daemon_and_lane)
{
    static const char *const names[LANE_COUNT] = {"fast", "slow", "write", "hash", "bulk"};
    struct worker_start w = *(struct worker_start *)daemon_and_lane;
    struct db *db = NULL;
    struct job *j;
    struct arena arena = {0};

    free(daemon_and_lane);
    pulse_begin(PULSE_WORK, names[w.lane], w.number);
    /* of this thread: hashing yields to everything else, and transfers to all but that */
    if (w.lane == LANE_HASH || w.lane == LANE_BULK)
        priority_lower_thread(w.lane == LANE_HASH ? 10 : 5);
    if (w.lane != LANE_BULK)
        db = daemon_db_wait(w.daemon, 10000);
    pulse_rest();
    while ((db || w.lane == LANE_BULK) && (j = lane_queue_take(&w.daemon->lanes[w.lane]))) {
        struct call c = {.db = db, .arena = arena};
        call_begin(&c, w.daemon, j);
        pulse_beat(j->task ? j->task->name : j->op ? j->op->name : NULL);
        if (j->task)
            task_run(&c, j);
        else
            request_serve(&c, j);
        log_trace(NULL);
        text_drop(&c.out);
        text_drop(&c.news);
        arena = c.arena;
        arena_reset(&arena);
        pulse_rest();
    }
    arena_drop(&arena);
    db_close(&db);
    pulse_end();
    return NULL;
}
