/* chatd from its start to its end. */
#include "chatd/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/keeper.h"
#include "chatd/ledger.h"
#include "chatd/refused.h"
#include "chatd/titles.h"
#include "chatd/turn.h"
#include "chatd/upstream/dialect.h"
#include "chatd/upstream/upstream.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/events.h"
#include "common/fault.h"
#include "common/service.h"

#define TICK_MS 250
#define DRAIN_GRACE_US \
    5000000 /* running turns have so long to finish before they are handed over */

static int upstream_open(struct chatd *d)
{
    const struct conf *conf = d->conf;
    struct upstream_config config = {
        .base_url = conf_str(conf, SET_OPENAI_BASE_URL),
        .key = conf_str(conf, SET_OPENAI_API_KEY),
        .dialect = d->dialect,
        .max_calls = d->max_turns + TITLES_AT_ONCE,
        .tries = (int)conf_i64(conf, SET_UPSTREAM_TRIES),
        .connect_ms = (int)conf_i64(conf, SET_TIMEOUT_CONNECT) * 1000,
        .tick_ms = TICK_MS,
        .hooks = &turn_hooks,
        .owner = d,
    };
    const char *why = NULL;
    int r;

    if (!conf_given(conf, SET_OPENAI_API_KEY) && !conf_given(conf, SET_OPENAI_BASE_URL))
        return DONE; /* POST /chat answers model_not_configured */
    r = upstream_start(&config, &d->upstream, &why);
    d->configured = true;
    if (r > 0)
        FAULT("OPENAI_BASE_URL or OPENAI_API_KEY: %s", why);
    return r;
}

int chatd_start(struct daemon *daemon, void **ret_state)
{
    struct chatd *d = calloc(1, sizeof *d);
    int r;

    if (!d)
        abort();
    *ret_state = d;
    d->daemon = daemon;
    d->conf = daemon_conf(daemon);
    d->max_turns = (int)conf_i64(d->conf, SET_MAX_TURNS);
    d->slots = d->max_turns;
    snprintf(d->paused_note, sizeof d->paused_note, "paused %s",
             conf_str(d->conf, SET_UPSTREAM_LABEL));
    d->dialect = dialect_named(conf_str(d->conf, SET_OPENAI_API));
    pthread_mutex_init(&d->lock, NULL);
    d->contexts = contexts_new();
    d->titles = titles_new();
    r = ledger_start(d, &d->ledger);
    if (!r)
        r = upstream_open(d);
    if (!r)
        r = keeper_start(d, &d->keeper);
    return r;
}

void chatd_drain(void *state)
{
    struct chatd *d = state;
    int64_t until = clock_us() + DRAIN_GRACE_US;
    struct timespec pause = {.tv_nsec = 10000000};

    atomic_store(&d->draining, true);
    keeper_stop_claims(d->keeper);
    refused_end(d);
    while (atomic_load(&d->slots) < d->max_turns && clock_us() < until &&
           !daemon_database_gone(d->daemon))
        nanosleep(&pause, NULL);
}

/* The start may have failed halfway. */
void chatd_hand_over(void *state)
{
    struct chatd *d = state;

    if (!d->keeper)
        return;
    keeper_stop_claims(d->keeper);
    keeper_stop_beats(d->keeper);
    upstream_drop(&d->upstream); /* what still runs is abandoned, not ended */
    ledger_drop(&d->ledger);
    keeper_hand_over(d->keeper);
    daemon_publish(d->daemon, &(struct event){.topic = "queue", .what = EVENT_CHANGED});
}

void chatd_stop(void *state)
{
    struct chatd *d = state;

    if (!d)
        return;
    upstream_drop(&d->upstream);
    ledger_drop(&d->ledger);
    keeper_drop(&d->keeper);
    contexts_drop(&d->contexts);
    titles_drop(&d->titles);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

const char *chatd_note(void *state)
{
    struct chatd *d = state;

    if (!d->configured)
        return "missing";
    return atomic_load(&d->paused) ? d->paused_note : conf_str(d->conf, SET_UPSTREAM_LABEL);
}

void chatd_event(void *state, const struct event *e)
{
    struct chatd *d = state;

    if (strcmp(e->topic, "queue") == 0)
        keeper_wake(d->keeper);
    else if (strcmp(e->topic, "cancel") == 0)
        turn_cancel_here(d, (int64_t)e->cursor);
    else if (strcmp(e->topic, "project") == 0)
        context_forget(d->contexts, (int64_t)e->cursor);
}
