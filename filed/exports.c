/* Exports of accounts: what their owners do with them, and the thread that makes them. */
#include "filed/exports.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/account_ref.h"
#include "common/audit_owed.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/service.h"
#include "filed/archive.h"
#include "filed/content.h"
#include "filed/filed.h"
#include "filed/limits.h"
#include "filed/queries.h"

#define LOOK_US   1000000 /* at the rows, when nobody wakes us */
#define RENEW_US  2000000 /* well within the lease */
#define PAUSE_MAX 60      /* s between tries */

/* ---- what owners do ---- */

static void created(struct call *c, void *state)
{
    (void)state;
    exports_wake(((struct filed *)call_state(c))->exports);
}

int account_export_create(struct call *c, const struct account_export_create_in *in)
{
    int64_t all = 0, unfinished = 0;
    const char *ignored;
    int r = ACCOUNT_HOLD(c);

    (void)in;
    if (!r)
        r = db_get(c, Q_export_lock, ARGS(c->caller), INTO(&ignored));
    if (!r)
        r = db_get(c, Q_export_count, ARGS(c->caller), INTO(&all, &unfinished));
    if (r)
        return r;
    if (unfinished)
        return refuse(c, LIMIT_REACHED, NULL, "an export is being made already");
    if (all >= EXPORTS_PER_ACCOUNT)
        return refuse(c, LIMIT_REACHED, NULL, "an account has at most %d exports: delete one",
                      EXPORTS_PER_ACCOUNT);
    c->committed = created;
    r = db_one(c, Q_export_insert, ARGS(c->caller));
    return r ? r : audit_owed(c, "export_made", "export", c->new_id);
}

/* Of the export that is deleted. */
struct removed {
    int64_t id, try;
};

static void removed_end(struct call *c, void *state)
{
    const struct filed *f = call_state(c);
    const struct removed *gone = state;

    archive_remove(f->store, gone->id, gone->try);
}

int account_export_delete(struct call *c, const struct account_export_delete_in *in)
{
    struct removed *gone = arena_alloc(&c->arena, sizeof *gone);
    int r;

    gone->id = in->export_id;
    c->committed = removed_end;
    c->settle_state = gone;
    r = db_get(c, Q_export_remove, ARGS(c->caller, in->export_id), INTO(&gone->try));
    return r ? r : audit_owed(c, "export_deleted", "export", in->export_id);
}

int account_export_content(struct call *c, const struct account_export_content_in *in)
{
    const struct filed *f = call_state(c);
    cleanup(fd_drop) int fd = -1;
    struct content what = {
        .type = "application/x-tar", .range = in->range, .if_range = in->if_range};
    const char *day;
    int64_t try = 0;
    bool ready = false;
    int r = db_get(c, Q_export_find, ARGS(c->caller, in->export_id),
                   INTO(&ready, &try, &what.sha256, &what.bytes, &day));

    if (r)
        return r;
    if (!ready)
        return EXPORT_NOT_READY;
    r = archive_read(f->store, in->export_id, try, &fd);
    if (!r)
        r = audit_owed(c, "export_read", "export", in->export_id);
    if (r)
        return r;
    what.filename = arena_printf(&c->arena, "chatbot-%s.tar", day);
    return content_send(c, fd, &what);
}

/* ---- the task ---- */

static int stands(void *state, int64_t id, int64_t try)
{
    bool keep = false;
    int r = db_get(state, Q_export_stands, ARGS(id, try), INTO(&keep));

    return r ? -1 : keep;
}

/* What expires now loses its archive the next time, as this may be rolled back. */
int exports_expire(struct call *c)
{
    const struct filed *f = call_state(c);
    int r;

    archives_sweep(f->store, stands, c);
    r = db_do(c, Q_exports_expired, NO_ARGS);
    return r == NOT_FOUND ? DONE : r;
}

/* ---- the thread ---- */

struct exports {
    struct daemon *daemon;
    const struct store *store;
    struct db *db;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake;
    atomic_bool stop;
};

/* Rows that a statement changed; -1: no database. */
static int64_t run(struct exports *e, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    return db_run(e->db, query, n, args, &rows) ? -1 : rows_affected(rows);
}

static int go_on(struct making *m)
{
    struct exports *e = m->state;
    int64_t changed;

    if (atomic_load(&e->stop))
        return UNAVAILABLE;
    if (clock_us() - m->renewed_us < RENEW_US)
        return DONE;
    changed = run(e, Q_export_renew,
                  ARGS(m->id, daemon_instance(e->daemon), m->try, EXPORT_LEASE_S, m->projects,
                       m->conversations, m->files));
    if (changed > 0)
        m->renewed_us = clock_us();
    return changed < 0 ? UNAVAILABLE : changed ? DONE : CONFLICT;
}

/* The end of one.  Not even that may be possible: then its lease ends. */
static void settle(struct exports *e, const struct making *m, int r, int64_t bytes,
                   const char *sha256)
{
    const char *me = daemon_instance(e->daemon);
    /* what another try would not change */
    bool final = r == STORAGE_FULL || r == TOO_LARGE;
    int64_t wait = m->try < 6 ? INT64_C(1) << m->
    try : PAUSE_MAX
        ;

    log_line(LOG_LEVEL_INFO, "event=export id=%" PRId64 " try=%" PRId64 " code=%s bytes=%" PRId64,
             m->id, m->try, r ? api_code(r < 0 ? INTERNAL : r) : "done", bytes);
    if (!r && run(e, Q_export_ready,
                  ARGS(m->id, me, m->try, bytes, sha256, EXPORT_HOURS, m->projects,
                       m->conversations, m->files)) == 0)
        archive_remove(m->store, m->id, m->try); /* it was deleted meanwhile */
    if (r && r != CONFLICT)
        run(e, Q_export_failed,
            ARGS(m->id, me, m->try, final ? api_code(r) : "internal", final ? 0 : EXPORT_TRIES_MAX,
                 EXPORT_HOURS, atomic_load(&e->stop) ? 0 : wait));
}

static void make(struct exports *e, const struct pg_result *row)
{
    struct making m = {.store = e->store,
                       .id = rows_i64(row, 0, 0),
                       .try = rows_i64(row, 0, 2),
                       .renewed_us = clock_us(),
                       .go_on = go_on,
                       .state = e};
    char trace[64], sha256[SHA256_HEX] = "";
    int64_t bytes = 0;
    int r;

    snprintf(trace, sizeof trace, "export-%" PRId64 "-%" PRId64, m.id, m.try);
    m.call = (struct call){.daemon = e->daemon,
                           .db = e->db,
                           .caller = rows_i64(row, 0, 1),
                           .trace = trace,
                           .address = ""};
    log_trace(trace);
    r = export_make(&m, &bytes, sha256);
    settle(e, &m, r, bytes, sha256);
    arena_drop(&m.call.arena);
    log_trace(NULL);
}

/* False when there was nothing to do. */
static bool make_one(struct exports *e)
{
    cleanup(rows_drop) struct pg_result *row = NULL;

    if (!db_revive(e->db) ||
        db_run(e->db, Q_export_take, ARGS(daemon_instance(e->daemon), EXPORT_LEASE_S), &row) ||
        rows_count(row) == 0)
        return false;
    make(e, row);
    return true;
}

static void *exports_run(void *state)
{
    struct exports *e = state;

    pulse_begin(PULSE_WORK, "exports", 0);
    while (!atomic_load(&e->stop)) {
        int64_t until_us = clock_us() + LOOK_US;
        struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
        pulse_beat(NULL);
        if (make_one(e))
            continue;
        pthread_mutex_lock(&e->lock);
        while (!e->wake && pthread_cond_timedwait(&e->woken, &e->lock, &until) == 0)
            ;
        e->wake = false;
        pthread_mutex_unlock(&e->lock);
    }
    pulse_end();
    return NULL;
}

void exports_wake(struct exports *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->wake = true;
    pthread_cond_signal(&e->woken);
    pthread_mutex_unlock(&e->lock);
}

int exports_start(struct daemon *d, const struct store *s, struct exports **ret)
{
    struct exports *e = calloc(1, sizeof *e);
    pthread_condattr_t attr;
    int r;

    if (!e)
        abort();
    *ret = e;
    e->daemon = d;
    e->store = s;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->woken, &attr);
    pthread_condattr_destroy(&attr);
    r = daemon_db(d, &e->db);
    if (!r && (errno = pthread_create(&e->thread, NULL, exports_run, e)))
        return FAULT("thread: %m");
    e->started = !r;
    return r;
}

void exports_drop(struct exports **ep)
{
    struct exports *e = TAKE(*ep);

    if (!e)
        return;
    atomic_store(&e->stop, true);
    exports_wake(e);
    if (e->started)
        pthread_join(e->thread, NULL);
    db_close(&e->db);
    pthread_cond_destroy(&e->woken);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
