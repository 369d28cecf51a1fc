/* The course of a call of lane BULK: an upload is read once, only its transaction may be run again.
 */
#include "common/bulk.h"

#include <stdatomic.h>
#include <time.h>

#include "common/apply.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/idempotency.h"
#include "common/transfer.h"

#define RETRY_PAUSE_US 50000 /* between tries of a transaction whose database went away */
#define TRIES_MAX      3     /* of one that met a deadlock or a lock timeout */

/* What prepare left, for each try and for the end. */
struct prepared {
    void *prepared, *settle_state;
    void (*committed)(struct call *c, void *state);
    void (*undone)(struct call *c, void *state);
};

static struct prepared prepared_take(struct call *c)
{
    struct prepared p = {c->prepared, c->settle_state, c->committed, c->undone};

    c->undone = NULL; /* not by a try that is followed by another one */
    return p;
}

static int lent_apply(struct call *c, const struct handler *h, const void *in,
                      const struct idempotency *key)
{
    int r = db_lend(c->daemon, c->deadline_us, &c->db);

    if (r)
        return r;
    r = call_apply(c, h, in, key);
    atomic_store(&c->daemon->db_seen_us, clock_us());
    db_return(c->daemon, &c->db);
    return r;
}

/* Without a key a lost COMMIT may have taken place, so nothing is tried again. */
static bool may_retry(const struct call *c, int r, int tries)
{
    if (clock_us() + RETRY_PAUSE_US >= c->deadline_us || atomic_load(&c->daemon->draining))
        return false;
    return r == BUSY ? tries < TRIES_MAX : r == UNAVAILABLE && c->key;
}

static int apply_try(struct call *c, const struct handler *h, const void *in,
                     const struct idempotency *key)
{
    const struct timespec pause = {.tv_nsec = RETRY_PAUSE_US * 1000};
    const struct prepared p = prepared_take(c);
    int r;

    for (int tries = 1; (r = lent_apply(c, h, in, key)) && may_retry(c, r, tries); tries++) {
        nanosleep(&pause, NULL);
        answer_clear(c);
        c->prepared = p.prepared;
        c->settle_state = p.settle_state;
        c->committed = p.committed;
    }
    if ((r || c->replayed) && p.undone)
        p.undone(c, p.settle_state);
    if (r || c->replayed)
        c->committed = NULL;
    return r;
}

static int refused(struct call *c, const struct idempotency *key, int r)
{
    const struct prepared p = prepared_take(c);

    /* only the whole upload tells whether it is a repeat */
    if (r > 0 && key && transfer_ended(c->transfer) &&
        !db_lend(c->daemon, c->deadline_us, &c->db)) {
        r = call_prepare_refused(c, key, r);
        db_return(c->daemon, &c->db);
    }
    if (p.undone)
        p.undone(c, p.settle_state);
    c->committed = NULL;
    return r;
}

static int upload_run(struct call *c, const struct handler *h, const void *in,
                      const struct blob *params)
{
    bool kept = c->key && c->op->keep != KEEP_NOTHING;
    unsigned char digest[DIGEST_SIZE];
    struct idempotency key;
    int r = h->prepare(c, in);

    call_digest(c, digest);
    if (kept)
        idempotency_of(c, params->data, params->size, (const char *)digest, sizeof digest, &key);
    return r ? refused(c, kept ? &key : NULL, r) : apply_try(c, h, in, kept ? &key : NULL);
}

int bulk_run(struct call *c, const struct handler *h, const void *in, const struct blob *params)
{
    return c->op->stream == STREAM_UPLOAD ? upload_run(c, h, in, params) : h->apply(c, in);
}
