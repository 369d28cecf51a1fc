/* The thread that keeps the provider's copies: waits, looks, runs requests. */
#include "filed/copies_state.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/service.h"
#include "filed/copy_name.h"
#include "filed/limits.h"
#include "filed/queries.h"
#include "filed/store.h"

#define LOOK_US        1000000 /* at the rows, when nobody wakes us */
#define PAUSES_MAX     8       /* pauses double up to a minute */
#define BACKFILL_FILES 500     /* in one statement */

/* ---- slots ---- */

struct slot *slot_free(struct copies *c, enum slot_kind kind)
{
    static const int most[SLOT_KINDS] = {[SLOT_UPLOAD] = 3, [SLOT_DELETE] = 2, [SLOT_LIST] = 1};
    struct slot *found = NULL;
    int busy = 0;

    for (int i = 0; i < SLOTS; i++) {
        busy += c->slots[i].kind == kind;
        if (c->slots[i].kind == SLOT_IDLE)
            found = &c->slots[i];
    }
    return busy < most[kind] ? found : NULL;
}

void slot_run(struct copies *c, struct slot *s, enum slot_kind kind)
{
    char traceparent[TRACEPARENT_SIZE];
    CURLMcode code;

    s->kind = kind;
    s->leased = true;
    span_call_begin(&s->span, NULL);
    span_call_header(&s->span, traceparent);
    if (conf_bool(daemon_conf(c->daemon), SET_UPSTREAM_TRACEPARENT))
        provider_trace(c->provider, &s->call, traceparent);
    code = curl_multi_add_handle(c->multi, s->call.easy);
    assert(code == CURLM_OK);
}

void slot_end(struct copies *c, struct slot *s)
{
    if (s->kind != SLOT_IDLE)
        curl_multi_remove_handle(c->multi, s->call.easy);
    provider_call_drop(&s->call);
    *s = (struct slot){.kind = SLOT_IDLE, .call.fd = -1};
}

void copies_pause(struct copies *c, int64_t asked_ms)
{
    uint32_t random;
    int64_t wait_ms;

    random_bytes(&random, sizeof random);
    c->pauses += c->pauses < PAUSES_MAX;
    wait_ms = copy_wait_ms(c->pauses, asked_ms, random);
    c->pause_until_us = clock_us() + wait_ms * 1000;
}

int64_t copies_do(struct copies *c, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    return db_run(c->db, query, n, args, &rows) ? -1 : rows_affected(rows);
}

/* ---- the thread ---- */

/* Files that came while no provider was configured. */
static void backfill(struct copies *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (c->backfilled ||
        db_run(c->db, Q_copy_backfill, ARGS(c->backfill_after, BACKFILL_FILES), &rows))
        return;
    if (rows_count(rows) == 0)
        c->backfilled = true;
    else
        c->backfill_after = rows_i64(rows, 0, 0);
}

static void look(struct copies *c)
{
    int64_t lapsed;

    if (!db_revive(c->db))
        return;
    copy_work_renew(c);
    backfill(c);
    lapsed = copies_do(c, Q_copy_lapsed, NO_ARGS);
    if (lapsed > 0) {
        log_line(LOG_LEVEL_NOTICE, "event=copies_lapsed copies=%d", (int)lapsed);
        sweep_want(c);
    }
    if (clock_us() < c->pause_until_us) {
        if (c->pause_until_us < c->look_due_us)
            c->look_due_us = c->pause_until_us;
        return;
    }
    sweep_look(c);
    copy_work_begin(c);
}

static void trace_end(const struct slot *s, const struct provider_result *result)
{
    static const char *const names[SLOT_KINDS] = {
        [SLOT_UPLOAD] = "file_upload", [SLOT_DELETE] = "file_delete", [SLOT_LIST] = "file_list"};
    const struct span_fact facts[] = {
        {.name = "chatbot.file.id", .number = s->kind == SLOT_LIST ? -1 : s->file_id},
        {.name = "chatbot.file.try", .number = s->kind == SLOT_LIST ? -1 : s->try},
    };
    bool gone = s->kind == SLOT_DELETE && result->outcome == PROVIDER_MISSING;

    span_call_end(&s->span, names[s->kind], result->outcome != PROVIDER_OK && !gone, facts, 2);
}

static void slot_finish(struct copies *c, struct slot *s, CURLcode code)
{
    struct provider_result result;

    provider_result(&s->call, code, &result);
    log_trace(s->span.trace.id);
    trace_end(s, &result);
    if (s->kind == SLOT_LIST)
        sweep_page(c, s, &result);
    else
        copy_work_end(c, s, &result);
    log_trace(NULL);
    c->look_due_us = 0;
}

static void finished_take(struct copies *c)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(c->multi, &left))) {
        struct slot *s = NULL;
        for (int i = 0; i < SLOTS; i++)
            if (c->slots[i].kind != SLOT_IDLE && c->slots[i].call.easy == m->easy_handle)
                s = &c->slots[i];
        assert(s);
        slot_finish(c, s, m->data.result);
    }
}

static int wait_ms(const struct copies *c)
{
    int64_t left = c->look_due_us - clock_us();

    return left <= 0 ? 0 : (int)(left / 1000) + 1;
}

static void *copies_run(void *state)
{
    struct copies *c = state;
    int running;

    pulse_begin(PULSE_WORK, "copies", 0);
    while (!atomic_load(&c->stop)) {
        pulse_beat(NULL);
        if (atomic_exchange(&c->woken, false) || clock_us() >= c->look_due_us) {
            c->look_due_us = clock_us() + (c->backfilled ? LOOK_US : 0);
            look(c);
        }
        curl_multi_perform(c->multi, &running);
        finished_take(c);
        if (!atomic_load(&c->woken))
            curl_multi_poll(c->multi, NULL, 0, wait_ms(c), NULL);
    }
    copy_work_release(c);
    pulse_end();
    return NULL;
}

void copies_wake(struct copies *c)
{
    if (!c)
        return;
    atomic_store(&c->woken, true);
    curl_multi_wakeup(c->multi);
}

/* ---- start and end ---- */

static int provider_begin(struct copies *c)
{
    const struct conf *conf = daemon_conf(c->daemon);
    struct provider_config config = {
        .base_url = conf_str(conf, SET_OPENAI_BASE_URL),
        .key = conf_str(conf, SET_OPENAI_API_KEY),
        .connect_s = (int)conf_i64(conf, SET_TIMEOUT_CONNECT),
        .silence_s = (int)conf_i64(conf, SET_TIMEOUT_FILES),
    };
    const char *why;

    if (provider_new(&config, &c->provider, &why) == DONE)
        return DONE;
    FAULT("OPENAI_BASE_URL or OPENAI_API_KEY: %s", why);
    return BAD_INPUT;
}

static int installation_read(struct copies *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = daemon_db(c->daemon, &c->db);

    if (!r)
        r = db_run(c->db, Q_installation_get, NO_ARGS, &rows);
    if (r)
        return r;
    if (rows_count(rows) != 1)
        return FAULT("table installation has %d rows", rows_count(rows));
    snprintf(c->installation, sizeof c->installation, "%s", rows_str(rows, 0, 0));
    return DONE;
}

int copies_start(struct daemon *d, const struct store *s, bool no_backfill, struct copies **ret)
{
    const struct conf *conf = daemon_conf(d);
    struct copies *c;
    int r, error;

    *ret = NULL;
    if (!conf_given(conf, SET_OPENAI_API_KEY) && !conf_given(conf, SET_OPENAI_BASE_URL))
        return DONE;
    c = *ret = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->daemon = d;
    c->store = s;
    c->backfilled = no_backfill;
    for (int i = 0; i < SLOTS; i++)
        c->slots[i].call.fd = -1;
    snprintf(c->sweep.finished, sizeof c->sweep.finished, "-infinity");
    r = provider_begin(c);
    if (!r)
        r = installation_read(c);
    if (r)
        return r;
    c->multi = curl_multi_init();
    if (!c->multi)
        abort();
    error = pthread_create(&c->thread, NULL, copies_run, c);
    c->started = !error;
    return error ? FAULT("thread: %s", strerror(error)) : DONE;
}

void copies_drop(struct copies **cp)
{
    struct copies *c = TAKE(*cp);

    if (!c)
        return;
    if (c->started) {
        atomic_store(&c->stop, true);
        curl_multi_wakeup(c->multi);
        pthread_join(c->thread, NULL);
    }
    if (c->multi)
        curl_multi_cleanup(c->multi);
    provider_drop(&c->provider);
    db_close(&c->db);
    free(c);
}
