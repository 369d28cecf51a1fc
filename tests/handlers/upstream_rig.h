#pragma once
/*
 * The upstream engine against the real provider program: starts both, runs calls, and keeps what
 * the hooks were told.  The provider is $CHATBOT_TEST_PROVIDER, else the one of this build.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/model_input.h"
#include "chatd/upstream/upstream.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

#define KEY       "sk-test-0123456789abcdef"
#define TRIES_MAX 32
#define COUNT(a)  (sizeof(a) / sizeof *(a))
#define CALL      cleanup(seen_drop) struct seen
#define WAIT_S    20 /* for anything, before a test fails */

/* What one call was told. */
struct seen {
    int64_t id;
    struct text text;
    int starts, deltas, tries, ends;
    struct upstream_try try[TRIES_MAX];
    struct upstream_result end;
    char detail[UPSTREAM_DETAIL_MAX], finish_reason[32];
    char response_id[UPSTREAM_ID_MAX], request_id[UPSTREAM_ID_MAX];
    int64_t begun_us, first_us, ended_us;
    bool background;
    const char *resume; /* a response to go on reading, behind event resume_after */
    int64_t resume_after;
    int places;
    char place_id[UPSTREAM_ID_MAX];
    int64_t place;
    int stall_ms;       /* its next text keeps the thread from reading for so long */
    int asks, asks_max; /* requests that wanted to be sent; 0: as many as it likes */
};

static struct rig {
    pid_t provider;
    char url[64]; /* base URL */
    struct upstream *upstream;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int rounds, ticks, ended;
    int64_t last_id;
} rig = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Limits of the next calls. */
static struct {
    int first_token_ms, idle_ms, total_ms;
} limits = {10000, 10000, 15000};

static inline void rig_changed(void)
{
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
}

static inline bool may_ask(void *state, int64_t id)
{
    struct seen *s = state;
    bool may;

    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(id, s->id);
    ck_assert_int_eq(s->ends, 0);
    may = s->asks_max == 0 || s->asks < s->asks_max;
    s->asks++;
    rig_changed();
    return may;
}

static inline void on_started(void *state, int64_t id)
{
    struct seen *s = state;

    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(id, s->id);
    ck_assert_int_eq(s->deltas, 0);
    s->starts++;
    rig_changed();
}

static inline void on_delta(void *state, int64_t id, const char *text, size_t size)
{
    struct seen *s = state;
    int stall_ms;

    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(id, s->id);
    ck_assert_uint_gt(size, 0);
    ck_assert(utf8_check(text, size));
    ck_assert_ptr_null(memchr(text, '\0', size));
    ck_assert_int_eq(s->starts, 1);
    ck_assert_int_eq(s->ends, 0);
    if (s->deltas++ == 0)
        s->first_us = clock_us();
    text_add(&s->text, text, size);
    stall_ms = s->stall_ms;
    s->stall_ms = 0;
    rig_changed();
    usleep((useconds_t)stall_ms * 1000);
}

static inline void on_place(void *state, int64_t id, const char *response_id, int64_t sequence)
{
    struct seen *s = state;

    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(id, s->id);
    ck_assert_int_gt(sequence, s->place);
    if (s->places++ > 0)
        ck_assert_str_eq(s->place_id, response_id);
    snprintf(s->place_id, sizeof s->place_id, "%s", response_id);
    s->place = sequence;
    rig_changed();
}

static inline void on_try(void *state, const struct upstream_try *t)
{
    struct seen *s = state;

    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(t->id, s->id);
    ck_assert_int_lt(s->tries, TRIES_MAX);
    ck_assert_int_eq(t->number, s->tries + 1);
    ck_assert_ptr_null(strstr(t->detail, KEY));
    s->try[s->tries] = *t;
    s->try[s->tries].detail = s->try[s->tries].request_id = NULL;
    s->tries++;
    rig_changed();
}

static inline void on_end(void *state, int64_t id, const struct upstream_result *r)
{
    struct seen *s = state;

    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(id, s->id);
    ck_assert_ptr_null(strstr(r->detail, KEY));
    s->end = *r;
    snprintf(s->detail, sizeof s->detail, "%s", r->detail);
    snprintf(s->finish_reason, sizeof s->finish_reason, "%s", r->finish_reason);
    snprintf(s->response_id, sizeof s->response_id, "%s", r->response_id);
    snprintf(s->request_id, sizeof s->request_id, "%s", r->request_id);
    s->ended_us = clock_us();
    s->ends++;
    rig.ended++;
    rig_changed();
}

static inline void on_round_end(void *owner)
{
    ck_assert_ptr_eq(owner, &rig);
    pthread_mutex_lock(&rig.lock);
    rig.rounds++;
    rig_changed();
}

static inline void on_tick(void *owner)
{
    ck_assert_ptr_eq(owner, &rig);
    pthread_mutex_lock(&rig.lock);
    rig.ticks++;
    rig_changed();
}

static const struct upstream_hooks hooks = {
    .may_ask = may_ask,
    .on_started = on_started,
    .on_delta = on_delta,
    .on_place = on_place,
    .on_try = on_try,
    .on_end = on_end,
    .on_round_end = on_round_end,
    .on_tick = on_tick,
};

static inline const char *provider_path(void)
{
    static char path[4096];
    const char *given = getenv("CHATBOT_TEST_PROVIDER");
    ssize_t n;

    if (given)
        return given;
    n = readlink("/proc/self/exe", path, sizeof path - 32);
    ck_assert_int_gt(n, 0);
    path[n] = '\0';
    for (int up = 0; up < 3; up++)
        *strrchr(path, '/') = '\0';
    strncat(path, "/provider", 16);
    return path;
}

static inline void provider_start(void)
{
    const char *path = provider_path();
    int out[2];
    char line[128] = "";
    FILE *from;

    ck_assert_int_eq(pipe(out), 0);
    rig.provider = fork();
    if (rig.provider == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(path, path, "--key", KEY, (char *)NULL);
        perror(path);
        _exit(127);
    }
    close(out[1]);
    from = fdopen(out[0], "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, from));
    fclose(from);
    ck_assert_int_eq(sscanf(line, "provider: %63s", rig.url), 1);
}

static inline void provider_stop(void)
{
    kill(rig.provider, SIGTERM);
    waitpid(rig.provider, NULL, 0);
}

/* What a test may change of the engine's settings. */
static struct upstream_config rig_config(void)
{
    return (struct upstream_config){
        .base_url = rig.url,
        .key = KEY,
        .dialect = dialect_named("responses"),
        .max_calls = 600,
        .tries = 3,
        .connect_ms = 5000,
        .hooks = &hooks,
        .owner = &rig,
    };
}

static inline void rig_engine(const struct upstream_config *c)
{
    const char *why;

    upstream_drop(&rig.upstream);
    ck_assert_int_eq(upstream_start(c, &rig.upstream, &why), DONE);
}

static inline void rig_setup(void)
{
    struct upstream_config c;

    provider_start();
    c = rig_config();
    rig_engine(&c);
}

static inline void rig_teardown(void)
{
    upstream_drop(&rig.upstream);
    provider_stop();
}

/* Begins a call; s is empty.  The result of upstream_begin(). */
static inline int rig_try(struct seen *s, const char *dialect, const char *model,
                          const char *message)
{
    static const char *const prompts[] = {"Be brief."};
    struct model_input in = {.model = model,
                             .prompts = prompts,
                             .prompt_count = 1,
                             .message = {.text = message, .size = strlen(message)},
                             .background = s->background};
    cleanup(text_drop) struct text body = {0};
    struct upstream_call call = {.state = s,
                                 .body = &body,
                                 .first_token_ms = limits.first_token_ms,
                                 .idle_ms = limits.idle_ms,
                                 .total_ms = limits.total_ms,
                                 .background = s->background,
                                 .response_id = s->resume,
                                 .after = s->resume_after};

    if (!s->resume)
        model_input_build(&body, dialect_named(dialect), &in);
    s->place = s->resume ? s->resume_after : -1;
    s->id = call.id = ++rig.last_id;
    s->begun_us = clock_us();
    return upstream_begin(rig.upstream, &call);
}

static inline void rig_begin(struct seen *s, const char *model)
{
    ck_assert_int_eq(rig_try(s, "responses", model, "Hello"), DONE);
}

/* Waits until condition holds; rig.lock is held while it is looked at. */
#define rig_wait(condition)                                                   \
    do {                                                                      \
        struct timespec until_;                                               \
        int late_ = 0;                                                        \
        clock_gettime(CLOCK_REALTIME, &until_);                               \
        until_.tv_sec += WAIT_S;                                              \
        pthread_mutex_lock(&rig.lock);                                        \
        while (!(condition) && late_ == 0)                                    \
            late_ = pthread_cond_timedwait(&rig.changed, &rig.lock, &until_); \
        pthread_mutex_unlock(&rig.lock);                                      \
        ck_assert_msg(late_ == 0, "never: %s", #condition);                   \
    } while (0)

/* A whole call. */
static inline void rig_ask(struct seen *s, const char *model)
{
    rig_begin(s, model);
    rig_wait(s->ends > 0);
}

static inline void seen_drop(struct seen *s)
{
    text_drop(&s->text);
}

static inline const char *seen_text(const struct seen *s)
{
    return s->text.data ? s->text.data : "";
}

static inline size_t rig_keep(char *data, size_t one, size_t size, void *state)
{
    text_add(state, data, one * size);
    return one * size;
}

/* GET, or POST where there is a body, of a control path of the provider. */
static inline void control(const char *path, const char *body, struct text *out)
{
    char url[128];
    CURL *easy = curl_easy_init();

    snprintf(url, sizeof url, "%.*s%s", (int)(strlen(rig.url) - 3), rig.url, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, rig_keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    if (body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
    curl_easy_cleanup(easy);
}

/* Lets the calls that are held go on. */
static inline void provider_release(void)
{
    cleanup(text_drop) struct text said = {0};

    control("/_/release", "{}", &said);
}

/* How many calls the provider has seen. */
static inline int provider_calls(void)
{
    cleanup(text_drop) struct text calls = {0};
    int n = 0;

    control("/_/calls", NULL, &calls);
    for (const char *at = calls.data; (at = strstr(at, "\"started\":")); at++)
        n++;
    return n;
}

/* Waits until the provider's list of calls holds a word. */
static inline void provider_saw(const char *word)
{
    for (int i = 0; i < 100; i++) {
        cleanup(text_drop) struct text calls = {0};
        control("/_/calls", NULL, &calls);
        if (strstr(calls.data, word))
            return;
        usleep(20000);
    }
    ck_abort_msg("the provider never saw %s", word);
}
