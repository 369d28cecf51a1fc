/* A second look at turns that were refused, perhaps for a file. */
#include "chatd/refused.h"

#include <inttypes.h>

#include "chatd/chatd.h"
#include "chatd/files.h"
#include "chatd/keeper.h"
#include "chatd/ledger.h"
#include "chatd/turn.h"
#include "chatd/upstream/dialect.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/log.h"

#define LOOK_US 5000000 /* for filed to answer */

bool refused_keep(struct turn *t)
{
    struct chatd *d = t->chatd;
    bool keep = d->dialect->file_ids && t->files.count && t->error == UPSTREAM_REFUSED &&
                t->answer.size == 0;

    if (!keep)
        return false;
    pthread_mutex_lock(&d->lock);
    keep = !atomic_load(&d->draining);
    if (keep) {
        t->round_next = d->refused;
        d->refused = t;
    }
    pthread_mutex_unlock(&d->lock);
    if (keep)
        keeper_wake(d->keeper);
    return keep;
}

static struct turn *take_all(struct chatd *d)
{
    struct turn *t;

    pthread_mutex_lock(&d->lock);
    t = d->refused;
    d->refused = NULL;
    pthread_mutex_unlock(&d->lock);
    return t;
}

static void look(struct turn *t)
{
    struct call c = {.daemon = t->chatd->daemon,
                     .caller = t->account,
                     .trace = t->trace.id,
                     .address = "",
                     .deadline_us = clock_us() + LOOK_US};
    bool ready = true;

    log_trace(c.trace);
    if (files_ready(&c, t->project, &t->files, &ready) == DONE && !ready) {
        log_line(LOG_LEVEL_NOTICE, "event=refused_again turn=%" PRId64, t->id);
        t->state = "queued"; /* handed over, with what this attempt was */
    }
    log_trace(NULL);
    ledger_finish(t->chatd->ledger, t);
    arena_drop(&c.arena);
}

void refused_look(struct chatd *d)
{
    struct turn *t = take_all(d), *next;

    for (; t; t = next) {
        next = t->round_next;
        look(t);
    }
}

void refused_end(struct chatd *d)
{
    struct turn *t = take_all(d), *next;

    for (; t; t = next) {
        next = t->round_next;
        ledger_finish(d->ledger, t);
    }
}
