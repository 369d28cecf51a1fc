/* Titles of new conversations: take what is due, ask the model, store what came. */
#include "chatd/titles.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/conversation_tell.h"
#include "chatd/queries.h"
#include "chatd/search.h"
#include "chatd/upstream/model_input.h"
#include "chatd/upstream/upstream.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/log.h"
#include "common/spans.h"

#define OUTPUT_TOKENS 200   /* some models think first */
#define CALL_MS       30000 /* in all; within the lease */

static const char prompt[] =
    "You name conversations. Answer with a title of at most six words for the conversation that "
    "begins "
    "as follows, in its language: the title alone, in plain text, without quotes.";

/* One call and what came of it. */
struct title {
    struct title *next;
    struct titles *all;
    int64_t conversation, account, project;
    struct text said;
    bool over;             /* no other try */
    struct span_call span; /* below the request that began the conversation */
    int64_t input_tokens, output_tokens;
};

struct titles {
    pthread_mutex_t lock;
    struct title *ended; /* to be stored */
    int running;
};

struct titles *titles_new(void)
{
    struct titles *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

static void list_drop(struct title *first)
{
    while (first) {
        struct title *next = first->next;
        text_drop(&first->said);
        free(first);
        first = next;
    }
}

void titles_drop(struct titles **t)
{
    if (!*t)
        return;
    list_drop((*t)->ended);
    pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

/* ---- asking; hooks on the upstream's thread ---- */

static void on_delta(void *state, int64_t id, const char *text, size_t size)
{
    struct title *t = state;

    (void)id;
    text_add(&t->said, text, size);
}

static void trace_end(const struct title *t, const struct upstream_result *r)
{
    const struct span_fact facts[] = {
        {.name = "chatbot.conversation.id", .number = t->conversation},
        {.name = "gen_ai.usage.input_tokens", .number = r->usage.input},
        {.name = "gen_ai.usage.output_tokens", .number = r->usage.output},
        {.name = "error.type", .text = r->status ? api_code(r->status) : NULL, .number = -1},
    };

    span_call_end(&t->span, "title", r->status != DONE, facts, sizeof facts / sizeof *facts);
}

static void on_end(void *state, int64_t id, const struct upstream_result *r)
{
    struct title *t = state;
    struct titles *all = t->all;
    bool good = r->outcome == UPSTREAM_COMPLETED || r->outcome == UPSTREAM_INCOMPLETE;

    (void)id;
    t->over = good || (r->outcome == UPSTREAM_FAILED && !r->retryable);
    if (!good)
        text_clear(&t->said);
    t->input_tokens = r->usage.input > 0 ? r->usage.input : 0;
    t->output_tokens = r->usage.output > 0 ? r->usage.output : 0;
    if (!good) {
        log_trace(t->span.trace.id);
        log_line(LOG_LEVEL_NOTICE, "event=title_failed conversation=%" PRId64 " code=%s",
                 t->conversation, api_code(r->status ? r->status : INTERRUPTED));
        log_trace(NULL);
    }
    trace_end(t, r);
    pthread_mutex_lock(&all->lock);
    t->next = all->ended;
    all->ended = t;
    all->running--;
    pthread_mutex_unlock(&all->lock);
}

static const struct upstream_hooks hooks = {.on_delta = on_delta, .on_end = on_end};

/* What the model is asked; names and files of the project have no part in it. */
static void body_build(const struct chatd *d, const char *question, const char *answer,
                       struct text *ret)
{
    cleanup(text_drop) struct text said = {0};
    const char *model = conf_str(d->conf, SET_TITLE_MODEL), *prompts[] = {prompt};
    struct model_input in = {
        .model = model[0] ? model : conf_str(d->conf, SET_OPENAI_MODEL),
        .prompts = prompts,
        .prompt_count = 1,
        .max_output_tokens = OUTPUT_TOKENS,
    };

    text_puts(&said, question);
    text_puts(&said, "\n\n---\n\n");
    text_puts(&said, answer);
    in.message = model_question(said.data, said.size);
    model_input_build(ret, d->dialect, &in);
}

/* A call that cannot begin now is tried again when its lease ends. */
static void ask(struct chatd *d, const struct pg_result *rows, int row)
{
    struct title *t = calloc(1, sizeof *t);
    cleanup(text_drop) struct text body = {0};
    char header[TRACEPARENT_SIZE];
    struct upstream_call call = {
        .state = t,
        .hooks = &hooks,
        .body = &body,
        .first_token_ms = CALL_MS,
        .idle_ms = CALL_MS,
        .total_ms = CALL_MS,
    };

    if (!t)
        abort();
    t->all = d->titles;
    t->conversation = rows_i64(rows, row, 0);
    t->account = rows_i64(rows, row, 1);
    t->project = rows_i64(rows, row, 2);
    call.id = -t->conversation; /* turns have the positive ones */
    span_call_begin(&t->span, rows_str(rows, row, 6));
    span_call_header(&t->span, header);
    if (conf_bool(d->conf, SET_UPSTREAM_TRACEPARENT))
        call.traceparent = header;
    body_build(d, rows_str(rows, row, 4), rows_str(rows, row, 5), &body);
    pthread_mutex_lock(&d->titles->lock);
    d->titles->running++;
    pthread_mutex_unlock(&d->titles->lock);
    if (upstream_begin(d->upstream, &call) == DONE)
        return;
    pthread_mutex_lock(&d->titles->lock);
    d->titles->running--;
    pthread_mutex_unlock(&d->titles->lock);
    list_drop(t);
}

/* ---- the task ---- */

/* What one run has to settle after its COMMIT. */
struct round {
    struct title *stored;
    struct pg_result *due;
};

static void round_done(struct call *c, void *state)
{
    struct round *r = state;

    list_drop(r->stored);
    for (int i = 0; i < rows_count(r->due); i++)
        if (rows_bool(r->due, i, 3) && !rows_null(r->due, i, 5))
            ask(call_state(c), r->due, i);
    rows_drop(&r->due);
}

static void round_undone(struct call *c, void *state)
{
    struct round *r = state;
    struct titles *all = ((struct chatd *)call_state(c))->titles;

    pthread_mutex_lock(&all->lock);
    while (r->stored) {
        struct title *next = r->stored->next;
        r->stored->next = all->ended;
        all->ended = r->stored;
        r->stored = next;
    }
    pthread_mutex_unlock(&all->lock);
    rows_drop(&r->due);
}

static int title_store(struct call *c, const struct title *t)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    cleanup(text_drop) struct text title = {0};
    int r;

    title_clean(&title, t->said.size ? t->said.data : "", t->said.size);
    r = db_rows(c, Q_title_store,
                ARGS(t->account, t->project, t->conversation,
                     title.size ? (const char *)title.data : NULL, t->over, t->input_tokens,
                     t->output_tokens),
                &rows);
    if (r)
        return r;
    if (rows_bool(rows, 0, 0))
        conversation_tell(c, &(struct conversation_told){t->conversation, t->account, t->project},
                          CONVERSATION_CHANGED);
    return search_title(c, t->conversation);
}

int titles_make(struct call *c)
{
    struct chatd *d = call_state(c);
    struct round *round = arena_alloc(&c->arena, sizeof *round);
    int free_calls, r = DONE;

    if (!d->upstream || !conf_bool(d->conf, SET_TITLES))
        return DONE;
    pthread_mutex_lock(&d->titles->lock);
    round->stored = d->titles->ended;
    d->titles->ended = NULL;
    free_calls = TITLES_AT_ONCE - d->titles->running;
    pthread_mutex_unlock(&d->titles->lock);
    c->committed = round_done;
    c->undone = round_undone;
    c->settle_state = round;
    for (const struct title *t = round->stored; t && !r; t = t->next)
        r = title_store(c, t);
    if (r)
        return r;
    return db_rows(c, Q_titles_take,
                   ARGS(free_calls, TITLE_LEASE_S, TITLE_TRIES,
                        conf_i64(d->conf, SET_MAX_TOKENS_PER_USER_DAY),
                        conf_i64(d->conf, SET_MAX_TOKENS_PER_DAY)),
                   &round->due);
}
