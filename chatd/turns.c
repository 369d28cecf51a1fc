/* Turns that run here: what the upstream's thread does with them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/checkpoints.h"
#include "chatd/failed.h"
#include "chatd/ledger.h"
#include "chatd/meters.h"
#include "chatd/refused.h"
#include "chatd/turn.h"
#include "chatd/upstream/tokens.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/events.h"
#include "common/log.h"
#include "common/service.h"

/* A beat that failed so lately shows that we were not stopped. */
#define BEAT_TRY_FRESH_US 2000000
#define STATE_TICKS       4 /* every so many ticks followers are told that the turn still runs */

static void failure_set(struct turn *t, enum status error, bool retryable, const char *detail)
{
    t->state = "failed";
    t->message_status = "failed";
    t->error = error;
    t->retryable = retryable;
    failed_detail(t->detail, sizeof t->detail, error, retryable, detail);
}

void turn_end_unsent(struct turn *t, enum status error)
{
    if (error == DONE)
        t->state = t->message_status = "cancelled";
    else
        failure_set(t, error, true, NULL);
    ledger_finish(t->chatd->ledger, t);
}

/* ---- hooks; all on the upstream's thread ---- */

static void topic_of(const struct turn *t, char topic[32])
{
    snprintf(topic, 32, "turn:%" PRId64, t->id);
}

/*
 * Whether nothing may be published: this process was stopped for so long that others may have its
 * turns by now, which the next beat tells.  A database that is away tells nobody anything, and then
 * answers go on.
 */
static bool is_doubted(const struct chatd *d)
{
    return !turns_are_ours(d) &&
           clock_boot_us() - atomic_load(&d->beat_failed_us) > BEAT_TRY_FRESH_US;
}

/* False: not now; followers will ask. */
static bool record_add(struct text *to, const struct turn *t, enum event_what what,
                       const char *data, size_t size)
{
    char topic[32];

    if (atomic_load(&t->lost) || is_doubted(t->chatd))
        return false;
    topic_of(t, topic);
    event_append(to, &(struct event){.topic = topic,
                                     .what = what,
                                     .attempt = (uint32_t)t->attempt,
                                     .cursor = t->answer.size,
                                     .data = data,
                                     .size = size});
    return true;
}

static void state_add(struct text *to, const struct turn *t)
{
    record_add(to, t, EVENT_STATE, "running", 7);
}

static void delta_add(struct text *to, struct turn *t)
{
    if (t->answer.size == t->published || !turn_may_tell(t))
        return;
    if (record_add(to, t, EVENT_DELTA, t->answer.data + t->published,
                   t->answer.size - t->published))
        t->published = t->answer.size;
}

/* Between a look at the beat and the first byte on the wire a process may have been stopped, or the
 * provider has wanted a pause: who asks late would ask for others' turns. */
static bool may_ask(void *state, int64_t id)
{
    const struct turn *t = state;

    (void)id;
    return !atomic_load(&t->lost) && !is_doubted(t->chatd);
}

static void on_started(void *state, int64_t id)
{
    cleanup(text_drop) struct text records = {0};
    struct turn *t = state;

    (void)id;
    t->started = true;
    state_add(&records, t);
    delta_add(&records, t); /* what a resumed one has said before */
    daemon_publish_all(t->chatd->daemon, &records);
}

static _Thread_local struct turn *round_turns; /* that got text in this epoll round */

static void on_delta(void *state, int64_t id, const char *text, size_t size)
{
    struct turn *t = state;

    (void)id;
    if (t->first_us < 0) {
        t->first_us = clock_us() - t->begun_us;
        meter_observe(daemon_meters(t->chatd->daemon), M_first_token_seconds, t->first_us);
    }
    pthread_mutex_lock(&t->chatd->lock); /* whoever looks at the turn reads it */
    text_add(&t->answer, text, size);
    pthread_mutex_unlock(&t->chatd->lock);
    if (t->in_round || atomic_load(&t->lost))
        return;
    t->in_round = true;
    t->round_next = round_turns;
    round_turns = t;
}

/* The round's records travel in one message per gateway. */
static void on_round_end(void *owner)
{
    cleanup(text_drop) struct text records = {0};
    struct chatd *d = owner;
    struct turn *t, **at = &round_turns;

    while ((t = *at)) {
        delta_add(&records, t);
        if (t->published < t->answer.size && !turn_may_tell(t)) {
            at = &t->round_next; /* upstream_poke() follows */
        } else {
            t->in_round = false;
            *at = t->round_next;
        }
    }
    daemon_publish_all(d->daemon, &records);
}

/* A new response is written down before its text is told; further places go with the text. */
static void on_place(void *state, int64_t id, const char *response_id, int64_t sequence)
{
    struct turn *t = state;
    bool is_new = strcmp(t->response_id, response_id) != 0;

    (void)id;
    pthread_mutex_lock(&t->chatd->lock);
    if (is_new)
        snprintf(t->response_id, sizeof t->response_id, "%s", response_id);
    t->response_seq = sequence;
    pthread_mutex_unlock(&t->chatd->lock);
    if (is_new && !atomic_load(&t->lost)) {
        atomic_store(&t->placed, false);
        ledger_append(t->chatd->ledger, t, NULL, 0);
    }
}

static void on_try(void *state, const struct upstream_try *u)
{
    struct turn *t = state;
    struct turn_try *mine;

    meter_add(daemon_meters(t->chatd->daemon), M_requests_total,
              u->status ? api_code(u->status) : "ok", 1);
    if (t->try_count >= TURN_TRIES_MAX)
        return;
    mine = &t->tries[t->try_count++];
    *mine = (struct turn_try){.number = u->number,
                              .http = u->http,
                              .status = u->status,
                              .first_us = u->first_us,
                              .total_us = u->total_us};
    snprintf(mine->request_id, sizeof mine->request_id, "%s", u->request_id);
    if (!u->status)
        return;
    log_trace(t->trace.id);
    log_line(LOG_LEVEL_NOTICE,
             "event=upstream_try turn=%" PRId64 " number=%d http=%d code=%s "
             "again_ms=%" PRId64,
             t->id, u->number, u->http, api_code(u->status), u->again_ms);
    log_trace(NULL);
}

static void round_remove(struct turn *gone)
{
    for (struct turn **at = &round_turns; *at; at = &(*at)->round_next) {
        if (*at == gone) {
            *at = gone->round_next;
            break;
        }
    }
    gone->in_round = false;
}

/* Where the provider said nothing of what it will ask money for: what we know of it ourselves. */
static void usage_guess(struct turn *t)
{
    if ((t->input_tokens >= 0 && t->output_tokens >= 0) || !t->started)
        return;
    if (!t->answer.size && strcmp(t->state, "failed") == 0)
        return; /* an error instead of an answer */
    if (t->output_tokens < 0)
        t->output_tokens = t->answer.size ? tokens_estimate(t->answer.data, t->answer.size) : 0;
    if (t->input_tokens < 0)
        t->input_tokens = t->input_guess;
    t->estimated = true;
}

static void result_take(struct turn *t, const struct upstream_result *r)
{
    t->input_tokens = r->usage.input;
    t->output_tokens = r->usage.output;
    snprintf(t->finish_reason, sizeof t->finish_reason, "%s", r->finish_reason);
    switch (r->outcome) {
    case UPSTREAM_COMPLETED:
        t->state = "completed";
        t->message_status = "complete";
        break;
    case UPSTREAM_INCOMPLETE:
        t->state = "completed";
        t->message_status = "incomplete";
        break;
    case UPSTREAM_CANCELLED:
        t->state = t->message_status = "cancelled";
        break;
    case UPSTREAM_ABANDONED:
        t->state = "queued";
        break;
    case UPSTREAM_FAILED:
        failure_set(t, r->status ? r->status : INTERNAL, r->retryable, r->detail);
        break;
    }
    usage_guess(t);
}

static void on_end(void *state, int64_t id, const struct upstream_result *r)
{
    cleanup(text_drop) struct text records = {0};
    struct turn *t = state;

    (void)id;
    round_remove(t);
    if (atomic_load(&t->lost)) {
        turn_drop(t);
        return;
    }
    delta_add(&records, t);
    daemon_publish_all(t->chatd->daemon, &records);
    result_take(t, r);
    if (!refused_keep(t))
        ledger_finish(t->chatd->ledger, t);
}

/* To the ledger, what it does not have yet. */
static void text_store(struct turn *t)
{
    if (t->answer.size <= t->stored)
        return;
    ledger_append(t->chatd->ledger, t, t->answer.data + t->stored, t->answer.size - t->stored);
    t->stored = t->answer.size;
}

static void on_tick(void *owner)
{
    static _Thread_local int ticks, running; /* turns, at the last tick */
    cleanup(text_drop) struct text records = {0};
    struct chatd *d = owner;
    bool say = ++ticks % STATE_TICKS == 0;
    int count = 0;

    pthread_mutex_lock(&d->lock);
    for (struct turn *t = d->turns; t; t = t->next) {
        if (!t->sent || t->state || atomic_load(&t->lost))
            continue; /* not begun, or the ledger has it */
        count++;
        if (checkpoint_is_due(t->id, ticks, running))
            text_store(t);
        delta_add(&records, t); /* what could not be published before */
        if (say)
            state_add(&records, t);
    }
    pthread_mutex_unlock(&d->lock);
    running = count;
    daemon_publish_all(d->daemon, &records);
}

const struct upstream_hooks turn_hooks = {
    .may_ask = may_ask,
    .on_started = on_started,
    .on_delta = on_delta,
    .on_place = on_place,
    .on_try = on_try,
    .on_end = on_end,
    .on_round_end = on_round_end,
    .on_tick = on_tick,
};
