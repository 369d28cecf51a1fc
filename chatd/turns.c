/* Turns that run here: what the upstream's thread does with them. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/failed.h"
#include "chatd/files.h"
#include "chatd/history.h"
#include "chatd/ledger.h"
#include "chatd/meters.h"
#include "chatd/queries.h"
#include "chatd/refused.h"
#include "chatd/turn.h"
#include "chatd/upstream/dialect.h"
#include "chatd/upstream/model_input.h"
#include "chatd/upstream/tokens.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/events.h"
#include "common/log.h"
#include "common/service.h"

#define BEAT_TRY_FRESH_US                                                            \
    2000000           /* a beat that failed so lately shows that we were not stopped \
                       */
#define STATE_TICKS 4 /* every so many ticks followers are told that the turn still runs */

/* ---- start ---- */

static void input_build(struct chatd *d, const struct turn_order *o,
                        const struct model_message *message, const struct history *h,
                        struct text *ret_body, int64_t *ret_tokens)
{
    const char *fallback = conf_str(d->conf, SET_DEFAULT_SYSTEM_PROMPT);
    bool own = o->context->prompt_count > 0;
    struct model_input in = {
        .model = o->model,
        .prompts = own ? (const char *const *)o->context->prompts : &fallback,
        .prompt_count = own           ? o->context->prompt_count
                        : fallback[0] ? 1
                                      : 0,
        .history = h->messages,
        .history_count = h->count,
        .message = *message,
        .has_temperature = o->context->has_temperature,
        .temperature = o->context->temperature,
        .max_output_tokens = o->context->max_output_tokens,
        .background = o->context->background && d->dialect->background,
    };

    model_input_build(ret_body, d->dialect, &in);
    *ret_tokens = model_input_cost(&in);
}

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

/* What the provider is told of the trace; the header has to name a span, traced or not. */
static const char *turn_traceparent(const struct turn *t, char ret[TRACEPARENT_SIZE])
{
    struct trace own = t->trace;
    bool traced = own.span[0] != '\0';

    if (t->span[0])
        memcpy(own.span, t->span, sizeof own.span);
    else if (!traced)
        span_id_make(own.span);
    traceparent_print(&own, traced, ret);
    return ret;
}

/* Under the lock, as turns_lose() and turn_cancel_here() must find it either not sent or to be
 * cancelled. */
static bool turn_send(struct turn *t, struct text *body)
{
    struct chatd *d = t->chatd;
    struct upstream_call call = {
        .id = t->id,
        .state = t,
        .body = body,
        .first_token_ms = (int)conf_i64(d->conf, SET_TIMEOUT_FIRST_TOKEN) * 1000,
        .idle_ms = (int)conf_i64(d->conf, SET_TIMEOUT_IDLE) * 1000,
        .total_ms = (int)conf_i64(d->conf, SET_TIMEOUT_TURN) * 1000,
        .background = t->background,
        .response_id = t->response_id[0] ? t->response_id : NULL,
        .after = t->response_seq,
    };
    char traceparent[TRACEPARENT_SIZE];
    bool sent;

    if (conf_bool(d->conf, SET_UPSTREAM_TRACEPARENT))
        call.traceparent = turn_traceparent(t, traceparent);
    pthread_mutex_lock(&d->lock);
    sent = !atomic_load(&t->lost) && !t->cancel && upstream_begin(d->upstream, &call) == DONE;
    t->sent = sent;
    pthread_mutex_unlock(&d->lock);
    return sent;
}

void turn_return(struct turn *t, struct db *db)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(db, Q_turn_unclaim, ARGS(t->id, t->fence, daemon_instance(t->chatd->daemon)),
               &rows) == 0 &&
        rows_affected(rows) > 0) {
        atomic_store(&t->settled, true);
        log_trace(t->trace.id);
        log_line(LOG_LEVEL_NOTICE, "event=unclaim turn=%" PRId64, t->id);
        log_trace(NULL);
        turn_tell(t->chatd, &(struct turn_told){t->id, t->account, t->project, t->conversation},
                  "queued");
    }
    turn_drop(t);
}

/* The files of the message and of as much of its history as fits, and what the turn's row says of
 * them. */
static int files_add(struct turn *t, struct call *c, const struct turn_order *o,
                     struct model_message *message, struct history *h, int64_t budget)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = files_look(c, t->project, message, h->messages, h->count);

    if (r)
        return r;
    history_fit(h, budget);
    r = files_read(c, t->project, message, h->messages, h->count);
    history_fit(h, budget); /* now that texts are reckoned by what they say */
    files_given(message, h->messages, h->count, &t->files);
    if (r || (!message->file_count && !t->files.count && !o->claimed))
        return r;
    return db_run(c->db, Q_turn_files,
                  ARGS(t->id, t->fence, daemon_instance(t->chatd->daemon),
                       ids_array(&c->arena, &t->files), o->context->sent_with),
                  &rows);
}

/* A process that was stopped since its claim does not ask: others may be at it. */
static void send_or_end(struct turn *t, struct db *db, struct text *body)
{
    if (!turns_are_ours(t->chatd)) {
        turn_return(t, db);
        return;
    }
    if (turn_send(t, body))
        return;
    if (t->cancel && !atomic_load(&t->lost))
        turn_end_unsent(t, DONE);
    else
        turn_drop(t);
}

/* The provider goes on with the answer: nothing is asked, the rest is read. */
static void turn_resume(struct turn *t, struct db *db, const struct turn_order *o)
{
    struct text none = {0};

    t->background = true;
    snprintf(t->response_id, sizeof t->response_id, "%s", o->response_id);
    t->response_seq = o->response_seq;
    pthread_mutex_lock(&t->chatd->lock);
    text_puts(&t->answer, o->said);
    pthread_mutex_unlock(&t->chatd->lock);
    t->stored = t->answer.size;
    atomic_store(&t->placed, true);
    send_or_end(t, db, &none);
}

/* For whoever asks while it runs: {"prompts":...} and the files. */
static void sent_with_keep(struct turn *t, const char *sent_with)
{
    cleanup(text_drop) struct text all = {0};

    text_add(&all, sent_with, strlen(sent_with) - 1);
    text_json_name(&all, "file_ids");
    text_putc(&all, '[');
    for (size_t i = 0; i < t->files.count; i++)
        text_printf(&all, "%s%" PRId64, i ? "," : "", t->files.list[i]);
    text_puts(&all, "]}");
    pthread_mutex_lock(&t->chatd->lock);
    t->sent_with = all;
    all = (struct text){0};
    pthread_mutex_unlock(&t->chatd->lock);
}

void turn_start(struct turn *t, struct call *c, const struct turn_order *o)
{
    struct chatd *d = t->chatd;
    struct model_message message = o->message;
    cleanup(history_drop) struct history history = {0};
    cleanup(text_drop) struct text body = {0};
    int64_t budget = conf_i64(d->conf, SET_HISTORY_TOKENS);
    int r = DONE;

    if (o->response_id) {
        turn_resume(t, c->db, o);
        return;
    }
    if (o->continues)
        r = history_budget(c, o->account, o->parent, &budget);
    if (!r)
        r = history_read(c, o->account, o->parent, budget, &history);
    if (!r)
        r = files_add(t, c, o, &message, &history, budget);
    if (r == UNAVAILABLE || r == TOO_LATE || r == BUSY) {
        turn_return(t, c->db);
        return;
    }
    if (r) {
        turn_end_unsent(t, INTERNAL);
        return;
    }
    input_build(d, o, &message, &history, &body, &t->input_guess);
    t->background = o->context->background && d->dialect->background;
    t->dropped = history.dropped;
    sent_with_keep(t, o->context->sent_with);
    send_or_end(t, c->db, &body);
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

static void on_tick(void *owner)
{
    static _Thread_local int ticks;
    cleanup(text_drop) struct text records = {0};
    struct chatd *d = owner;
    bool say = ++ticks % STATE_TICKS == 0;

    pthread_mutex_lock(&d->lock);
    for (struct turn *t = d->turns; t; t = t->next) {
        if (!t->sent || t->state || atomic_load(&t->lost))
            continue; /* not begun, or the ledger has it */
        if (t->answer.size > t->stored) {
            ledger_append(d->ledger, t, t->answer.data + t->stored, t->answer.size - t->stored);
            t->stored = t->answer.size;
        }
        delta_add(&records, t); /* what could not be published before */
        if (say)
            state_add(&records, t);
    }
    pthread_mutex_unlock(&d->lock);
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
