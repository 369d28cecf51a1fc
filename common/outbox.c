/*
 * The outbox: what a daemon owes to others after COMMIT.  The relay takes a row under a lease,
 * calls the operation it names, and deletes the row when the other side has done it.  It may do it
 * twice, never not at all; consumers are idempotent.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/digest.h"
#include "common/idempotency.h"
#include "common/json.h"
#include "common/log.h"
#include "common/meters.h"
#include "common/relay.h"
#include "common/serve.h"

#define LEASE_S     7       /* a relay that died lets its row go after this */
#define CALL_US     5000000 /* for the other side to answer; shorter than the lease */
#define METER_US    2000000 /* between two looks at how many there are */
#define TRIES_MAX   20      /* then the row is parked */
#define BACKOFF_MAX 300     /* s */
#define PARAMS_SIZE 4096

struct outbox {
    struct daemon *daemon;
    struct db *db; /* the relay's */
    struct relay *relay;
    int64_t meter_due_us;
};

int outbox_add(struct call *c, enum op_id op, const char *object, const struct params *params)
{
    char *hex = arena_alloc(&c->arena, 2 * params->size + 3);
    int r;

    memcpy(hex, "\\x", 3);
    hex_encode(params->data, params->size, hex + 2);
    r = db_do(c, SQ_outbox_add, ARGS(api_op(op)->name, object, c->caller, (const char *)hex));
    c->outbox_filled = true;
    return r;
}

/* The event's inputs with its id.  False when they are not what outbox_add() wrote. */
static bool params_of(const char *hex, int64_t event_id, struct params *ret)
{
    char id[24];
    size_t n = strlen(hex) / 2;

    if (n > ret->capacity)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret->data[i] = (char)(high << 4 | low);
    }
    ret->size = n;
    snprintf(id, sizeof id, "%" PRId64, event_id);
    return params_add(ret, "event_id", id, strlen(id));
}

/* Whether there is more to do, and how long to wait before that. */
static bool has_more(const char *reply, size_t size, int64_t *ret_wait)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const char *why;

    if (!reply || json_parse(reply, size, &o, &why) != DONE || !json_flag(o, "more", false))
        return false;
    *ret_wait = json_i64(o, "wait", 0);
    return true;
}

static void run(struct outbox *o, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(o->db, query, n, args, &rows))
        log_line(LOG_LEVEL_NOTICE, "event=outbox_unsettled"); /* the lease ends, it comes again */
}

static void failed(struct outbox *o, int64_t id, const char *op, int64_t tries, int status)
{
    run(o, SQ_outbox_failed,
        ARGS(id, api_code(status), relay_backoff((int)tries, BACKOFF_MAX), TRIES_MAX));
    log_line(tries >= TRIES_MAX ? LOG_LEVEL_ERR : LOG_LEVEL_NOTICE,
             "event=%s id=%" PRId64 " op=%s tries=%" PRId64 " code=%s",
             tries >= TRIES_MAX ? "outbox_parked" : "outbox_failed", id, op, tries,
             api_code(status));
}

/* Delivers one row. */
static void deliver(struct outbox *o, const struct pg_result *row)
{
    char data[PARAMS_SIZE], trace[40];
    struct params params = {.data = data, .capacity = sizeof data};
    int64_t id = rows_i64(row, 0, 0);
    const struct op *op = api_op_named(rows_str(row, 0, 1));
    struct call c = {.daemon = o->daemon,
                     .caller = rows_i64(row, 0, 2),
                     .trace = trace,
                     .address = "",
                     .deadline_us = clock_us() + CALL_US};
    const char *reply = NULL;
    size_t size = 0;
    int64_t wait = 0;
    int r = INTERNAL;

    snprintf(trace, sizeof trace, "outbox-%s-%" PRId64, o->daemon->service->schema, id);
    if (op && params_of(rows_str(row, 0, 3), id, &params))
        r = call_peer(&c, (enum op_id)op->id, &params, &reply, &size);
    if (r)
        failed(o, id, rows_str(row, 0, 1), rows_i64(row, 0, 4), r);
    else if (has_more(reply, size, &wait))
        run(o, SQ_outbox_again, ARGS(id, wait));
    else
        run(o, SQ_outbox_done, ARGS(id));
    arena_drop(&c.arena);
}

/* False when there was nothing to deliver. */
static bool deliver_one(struct outbox *o)
{
    cleanup(rows_drop) struct pg_result *row = NULL;

    if (!db_revive(o->db) || db_run(o->db, SQ_outbox_take, ARGS(LEASE_S), &row) ||
        rows_count(row) == 0)
        return false;
    deliver(o, row);
    return true;
}

/* Tells how many there are. */
static void meter(struct outbox *o)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    struct meters *m = o->daemon->meters;

    if (clock_us() < o->meter_due_us)
        return;
    o->meter_due_us = clock_us() + METER_US;
    if (!db_revive(o->db) || db_run(o->db, SQ_outbox_look, NO_ARGS, &rows))
        return;
    meter_set(m, RM_outbox_rows, "waiting", rows_i64(rows, 0, 0));
    meter_set(m, RM_outbox_rows, "parked", rows_i64(rows, 0, 1));
    meter_set(m, RM_outbox_oldest_seconds, NULL, rows_i64(rows, 0, 2));
}

static bool work(void *state, struct db *db)
{
    struct outbox *o = state;

    o->db = db;
    meter(o);
    return deliver_one(o);
}

int outbox_start(struct daemon *d, struct outbox **ret)
{
    struct outbox *o = calloc(1, sizeof *o);

    if (!o)
        abort();
    *ret = o;
    o->daemon = d;
    return relay_start(d, "outbox", work, o, &o->relay);
}

void outbox_wake(struct outbox *o)
{
    if (o)
        relay_wake(o->relay);
}

void outbox_drop(struct outbox **outbox)
{
    struct outbox *o = *outbox;

    if (!o)
        return;
    relay_drop(&o->relay);
    free(o);
    *outbox = NULL;
}
