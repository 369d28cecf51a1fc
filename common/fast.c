/*
 * The FAST lane: one thread that sends each read to PostgreSQL as it comes and answers in order, in
 * libpq's pipeline mode.  Every statement has its own sync, so one that fails does not take others
 * along.  What a row's prepare answers out of the daemon's memory goes to no database.
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/serve.h"

#define FAST_TIMEOUT_MS 250    /* statement_timeout of this lane */
#define HEARTBEAT_US    250000 /* how often an idle connection proves that the database lives */
#define RECONNECT_US    50000
#define PIPELINE_MAX    512 /* statements under way */

/* A statement under way; without a job it is the heartbeat. */
struct flight {
    struct flight *next;
    struct job *job;
    struct call call;
    int64_t started_us, limit;
    int query;
    size_t arg_count;
    struct arg args[16];
    bool prepares; /* its statement, too */
    bool again;    /* sent for the second time */
    PGresult *result;
};

struct fast {
    struct daemon *daemon;
    struct db *db;
    struct flight *first, **last;
    int in_flight;
    int64_t heartbeat_us; /* when the next one is due */
};

static void flight_drop(struct fast *l, struct flight *f)
{
    if (f->job)
        atomic_fetch_sub(&l->daemon->busy, 1);
    rows_drop(&f->result);
    text_drop(&f->call.out);
    arena_drop(&f->call.arena);
    free(f);
}

static bool flight_send(struct fast *l, struct flight *f)
{
    return db_send(l->db, f->query, f->arg_count, f->args, &f->prepares) &&
           PQpipelineSync(db_conn(l->db)) == 1;
}

static void flight_add(struct fast *l, struct flight *f)
{
    f->next = NULL;
    *l->last = f;
    l->last = &f->next;
    l->in_flight++;
    if (!flight_send(l, f))
        db_break(l->db);
}

/* $1 is the caller, then the inputs in the row's order. */
static void flight_args(struct flight *f, const char *in)
{
    const struct op *op = f->call.op;
    size_t n = 0;

    f->args[n++] = arg_i64(f->call.caller);
    f->limit = LIST_LIMIT;
    for (const struct field *d = op->in; d->name; d++) {
        bool given = !d->optional || *(const bool *)(in + d->has_offset);
        switch (d->type) {
        case T_I64:
            f->args[n++] = arg_i64_if(given, *(const int64_t *)(in + d->offset));
            if (given && strcmp(d->name, "limit") == 0)
                f->limit = *(const int64_t *)(in + d->offset);
            break;
        case T_BOOL:
            f->args[n++] = arg_bool_if(given, *(const bool *)(in + d->offset));
            break;
        case T_F64:
            f->args[n++] = arg_f64_if(given, *(const double *)(in + d->offset));
            break;
        case T_IDS:
            f->args[n++] = arg_str(
                given ? ids_array(&f->call.arena, (const struct ids *)(in + d->offset)) : NULL);
            break;
        default:
            f->args[n++] = arg_str(*(const char *const *)(in + d->offset));
        }
    }
    f->arg_count = n;
}

static void job_begin(struct fast *l, struct job *j)
{
    struct flight *f = calloc(1, sizeof *f);
    cleanup(json_drop) struct json_object *json = NULL;
    const struct handler *h;
    void *in = NULL;
    int r;

    if (!f)
        abort();
    f->job = j;
    f->started_us = clock_us();
    call_begin(&f->call, l->daemon, j);
    r = f->started_us > j->deadline_us ? TOO_LATE : call_decode(&f->call, j, &json, &in);
    if (r) {
        call_answer(&f->call, j, r, f->started_us);
        flight_drop(l, f);
        return;
    }
    h = &l->daemon->service->handlers[f->call.op->id];
    r = h->prepare ? h->prepare(&f->call, in) : DONE;
    if (r || f->call.out.size) {
        call_answer(&f->call, j, r, f->started_us);
        flight_drop(l, f);
        return;
    }
    f->query = h->query;
    flight_args(f, in);
    flight_add(l, f);
    log_trace(NULL);
}

static void heartbeat_begin(struct fast *l)
{
    struct flight *f = calloc(1, sizeof *f);

    if (!f)
        abort();
    f->query = SQ_heartbeat;
    flight_add(l, f);
}

/* What the limit of time stopped met a busy moment, or a connection that had read no catalog yet.
 */
static bool flight_again(struct fast *l, struct flight *f, int r)
{
    if (r != BUSY || f->again || clock_us() > f->job->deadline_us)
        return false;
    f->again = true;
    rows_drop(&f->result);
    flight_add(l, f);
    log_trace(NULL);
    return true;
}

static void flight_end(struct fast *l, struct flight *f)
{
    bool unprepared = f->prepares && PQresultStatus(f->result) != PGRES_TUPLES_OK;
    int r;

    if (unprepared)
        db_break(l->db); /* which of the two failed does not matter */

    atomic_store(&l->daemon->db_seen_us, clock_us());
    if (f->job) {
        log_trace(f->call.trace);
        db_slow_tell(db_query(l->db, f->query)->name, f->started_us);
        if (PQresultStatus(f->result) == PGRES_TUPLES_OK)
            r = call_rows(&f->call, f->result, f->limit);
        else
            r = db_error(l->db, f->result, db_query(l->db, f->query)->name);
        if (flight_again(l, f, r))
            return;
        call_answer(&f->call, f->job, r, f->started_us);
    }
    flight_drop(l, f);
}

static struct flight *first_take(struct fast *l)
{
    struct flight *f = l->first;

    l->first = f->next;
    if (!l->first)
        l->last = &l->first;
    l->in_flight--;
    return f;
}

/* Takes what has arrived; ends the flights that are complete. */
static void results_take(struct fast *l)
{
    PGconn *pg = db_conn(l->db);

    if (!PQconsumeInput(pg)) {
        db_break(l->db);
        return;
    }
    while (l->first && !PQisBusy(pg)) {
        PGresult *res = PQgetResult(pg); /* NULL: the end of one statement's results */
        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            flight_end(l, first_take(l));
        } else if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED) {
            PQclear(res); /* what failed before it is there */
        } else if (res) {
            rows_drop(&l->first->result);
            l->first->result = res;
        }
        if (PQstatus(pg) != CONNECTION_OK)
            break;
    }
    if (PQstatus(pg) != CONNECTION_OK)
        db_break(l->db);
}

/* The connection was lost: reads are sent again on the next one, unless their time is over. */
static void connection_renew(struct fast *l)
{
    struct flight *f = l->first;
    bool connected = db_revive(l->db);

    if (connected) {
        PQsetnonblocking(db_conn(l->db), 1);
        PQenterPipelineMode(db_conn(l->db));
    } else {
        atomic_store(&l->daemon->db_seen_us, 0);
    }
    l->first = NULL;
    l->last = &l->first;
    l->in_flight = 0;
    while (f) {
        struct flight *next = f->next;
        rows_drop(&f->result);
        if (!f->job) {
            flight_drop(l, f);
        } else if (clock_us() + RECONNECT_US > f->job->deadline_us ||
                   atomic_load(&l->daemon->draining)) {
            log_trace(f->call.trace);
            call_answer(&f->call, f->job, UNAVAILABLE, f->started_us);
            flight_drop(l, f);
        } else if (connected) {
            flight_add(l, f);
        } else {
            f->next = NULL;
            *l->last = f;
            l->last = &f->next;
            l->in_flight++;
        }
        f = next;
    }
}

static int wait_ms(const struct fast *l)
{
    int64_t left = l->heartbeat_us - clock_us();

    if (!db_usable(l->db))
        return RECONNECT_US / 1000;
    return left <= 0 ? 0 : (int)(left / 1000) + 1;
}

static void round_run(struct fast *l, struct lane_queue *q)
{
    PGconn *pg = db_conn(l->db);
    struct pollfd fds[2] = {{.fd = q->wake_fd, .events = POLLIN},
                            {.fd = PQsocket(pg), .events = POLLIN}};
    bool usable = db_usable(l->db);
    eventfd_t ignored;
    struct job *j;

    if (usable && PQflush(pg) == 1)
        fds[1].events |= POLLOUT;
    poll(fds, usable ? 2 : 1, wait_ms(l));
    if (fds[0].revents)
        eventfd_read(q->wake_fd, &ignored);
    if (!usable) {
        connection_renew(l);
        usable = db_usable(l->db);
    } else if (fds[1].revents) {
        results_take(l);
    }
    while (l->in_flight < PIPELINE_MAX && (j = lane_queue_poll(q)))
        job_begin(l, j);
    if (clock_us() >= l->heartbeat_us) {
        l->heartbeat_us = clock_us() + HEARTBEAT_US;
        if (usable && l->in_flight == 0)
            heartbeat_begin(l);
    }
}

void *fast_run(void *daemon)
{
    struct daemon *d = daemon;
    struct lane_queue *q = &d->lanes[LANE_FAST];
    struct fast l = {.daemon = d};

    pulse_begin(PULSE_LOOP, "fast", 0);
    l.last = &l.first;
    pulse_rest();
    l.db = daemon_db_wait(d, FAST_TIMEOUT_MS);
    if (!l.db)
        return NULL;
    PQsetnonblocking(db_conn(l.db), 1);
    PQenterPipelineMode(db_conn(l.db));
    while (l.first || !lane_queue_over(q)) {
        pulse_beat(NULL);
        round_run(&l, q);
    }
    db_close(&l.db);
    pulse_end();
    return NULL;
}
