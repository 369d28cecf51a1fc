/* A handler's transaction: BEGIN, the idempotency key, apply, COMMIT, and what follows from each.
 */
#include "common/apply.h"

#include "common/call.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/idempotency.h"
#include "common/serve.h"

/* Whether a result of apply leaves the transaction to be committed: success, and where the row says
 * so a deliberate answer of the handler, but not the runtime's own, nor that of a statement. */
static bool is_commit(const struct call *c, int r)
{
    return r == DONE || (r > 0 && c->op->onerror == ONERROR_COMMIT && r != UNAVAILABLE &&
                         r != BUSY && r != TOO_LATE && r != IN_FLIGHT && !db_failed(c->db));
}

void answer_clear(struct call *c)
{
    text_clear(&c->out);
    text_clear(&c->news);
    c->new_id = c->turn_id = 0;
    c->http = 0;
    c->location = c->field = c->detail = c->cookie = NULL;
    c->retry_after = 0;
    c->replayed = false;
    c->next[0] = '\0';
    c->prepared = NULL;
}

void answer_undo(struct call *c)
{
    if (c->undone)
        c->undone(c, c->settle_state);
    c->committed = c->undone = NULL;
}

int call_apply(struct call *c, const struct handler *h, const void *in,
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

int call_prepare_refused(struct call *c, const struct idempotency *key, int refused)
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
