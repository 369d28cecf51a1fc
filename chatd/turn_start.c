/* Turns begin: the model's input is gathered and sent. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/files.h"
#include "chatd/history.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "chatd/upstream/dialect.h"
#include "chatd/upstream/model_input.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/log.h"
#include "common/service.h"

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
