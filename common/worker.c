/* A worker of the SLOW, WRITE or HASH lane: one thread, one database connection, one call at a
 * time. */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/serve.h"

#define RETRY_PAUSE_US   50000 /* between tries of a call whose database went away */
#define CONTENTION_TRIES 3     /* of a call that met a deadlock or a lock timeout */

/* Whether a result of apply leaves the transaction to be committed: success, and where the row says
 * so a deliberate answer of the handler, but not the runtime's own, nor that of a statement. */
static bool is_commit(const struct call *c, int r)
{
    return r == DONE || (r > 0 && c->op->onerror == ONERROR_COMMIT && r != UNAVAILABLE &&
                         r != BUSY && r != TOO_LATE && r != IN_FLIGHT && !db_failed(c->db));
}

static bool is_kept(const struct call *c)
{
    return c->key && c->op->keep != KEEP_NOTHING;
}

/* Everything that an error before COMMIT may have left in the answer. */
static void answer_clear(struct call *c)
{
    text_clear(&c->out);
    text_clear(&c->news);
    c->new_id = c->turn_id = 0;
    c->http = 0;
    c->location = c->field = c->detail = NULL;
    c->retry_after = 0;
    c->replayed = false;
    c->next[0] = '\0';
    c->prepared = NULL;
}

/* What was not committed is undone, also outside of the database. */
static void answer_undo(struct call *c)
{
    if (c->undone)
        c->undone(c, c->settle_state);
    c->committed = c->undone = NULL;
}

/* apply inside its transaction, with the idempotency key around it. */
static int apply_run(struct call *c, const struct handler *h, const void *in,
                     const struct idempotency *key)
{
    int r = db_begin(c->db), done;
    bool commit;

    if (r)
        return r;
    if (key)
        r = idempotency_check(c, key, true);
    if (!r && !c->replayed) {
        r = h->apply(c, in);
        if (!r && clock_us() > c->deadline_us)
            r = TOO_LATE;
        if (!r && key)
            idempotency_store(c, key, call_location(c));
    }
    commit = is_commit(c, r);
    done = commit ? db_commit(c->db) : -1;
    if (!commit)
        db_rollback(c->db);
    else if (done)
        r = done;
    if (r == IN_FLIGHT)
        c->retry_after = 1;
    if (done)
        answer_undo(c);
    return r;
}

/* A repeat gets the first result also where prepare would refuse it by now. */
static int prepare_refused(struct call *c, const struct idempotency *key, int refused)
{
    const char *field = c->field, *detail = c->detail;
    uint32_t retry_after = c->retry_after;
    int r = key ? idempotency_check(c, key, false) : DONE;

    if (r || c->replayed)
        return r;
    c->field = field;
    c->detail = detail;
    c->retry_after = retry_after;
    return refused;
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
            return prepare_refused(c, key, r);
    }
    return apply_run(c, h, in, key);
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
            bool kept = is_kept(c);
            if (kept)
                idempotency_of(c, j->head.params.data, j->head.params.size, body, body_size, &key);
            r = call_try(c, &c->daemon->service->handlers[c->op->id], in, kept ? &key : NULL);
        }
    }
    call_answer(c, j, r, started);
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

void *worker_run(void *start)
{
    struct worker_start w = *(struct worker_start *)start;
    struct db *db;
    struct job *j;
    struct arena arena = {0};

    free(start);
    if (w.lane == LANE_HASH)
        setpriority(PRIO_PROCESS, 0, 10); /* of this thread: hashing yields to everything else */
    db = daemon_db_wait(w.daemon, 10000);
    while (db && (j = lane_queue_take(&w.daemon->lanes[w.lane]))) {
        struct call c = {.db = db, .arena = arena};
        call_begin(&c, w.daemon, j);
        if (j->task)
            task_run(&c, j);
        else
            request_serve(&c, j);
        log_trace(NULL);
        text_drop(&c.out);
        text_drop(&c.news);
        arena = c.arena;
        arena_reset(&arena);
    }
    arena_drop(&arena);
    db_close(&db);
    return NULL;
}
