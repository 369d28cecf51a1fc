/* Revocations: appended in order, told to every gateway. */
#include "authd/revocations.h"

#include "authd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/events.h"
#include "common/service.h"

int revocation_append(struct call *c, int64_t account, int64_t session)
{
    return db_do(c, Q_revocation_append, ARGS(account, session));
}

int revocations_append(struct call *c, const struct pg_result *ended)
{
    int r = DONE;

    for (int i = 0; !r && i < rows_count(ended); i++)
        r = revocation_append(c, rows_i64(ended, i, 0), rows_i64(ended, i, 1));
    return r;
}

/* The numbers have a gap here, which is what makes gateways doubt. */
int revocations_leap(struct call *c)
{
    return db_do(c, Q_revocation_leap, ARGS(REVOCATIONS_LISTED + 1));
}

static void u64_write(unsigned char *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(v >> 8 * i);
}

int revocation_event(struct call *c, struct event *ret)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    unsigned char *ids = arena_alloc(&c->arena, REVOCATIONS_LISTED * sizeof(uint64_t));
    uint32_t listed = 0;
    int r = db_rows(c, Q_revocation_newest, ARGS(REVOCATIONS_LISTED), &rows);

    if (r)
        return r;
    /* one row with a NULL session when nothing is listed */
    for (int i = 0; i < rows_count(rows) && !rows_null(rows, i, 1); i++)
        u64_write(ids + sizeof(uint64_t) * listed++, (uint64_t)rows_i64(rows, i, 1));
    *ret = (struct event){
        .topic = "session",
        .what = EVENT_REVOKED,
        .attempt = listed,
        .cursor = (uint64_t)rows_i64(rows, 0, 0),
        .data = (const char *)ids,
        .size = listed * sizeof(uint64_t),
    };
    return DONE;
}

int revocation_tick(struct call *c)
{
    struct event e;
    int64_t changes = 0;
    int r = revocation_event(c, &e);

    if (r)
        return r;
    daemon_publish(c->daemon, &e);
    r = db_get(c, Q_key_changes, NO_ARGS, INTO(&changes));
    if (r)
        return r;
    e = (struct event){.topic = "session", .what = EVENT_KEYS, .cursor = (uint64_t)changes};
    daemon_publish(c->daemon, &e);
    return DONE;
}
