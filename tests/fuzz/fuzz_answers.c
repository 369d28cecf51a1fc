/*
 * What a provider says beside its answers, the first byte picks which: how long to wait, a title,
 * lists of files, lists of models, whole answers of the two APIs that list and take these, failures
 * one behind the other.
 */
#include <stdarg.h>
#include <string.h>

#include "chatd/upstream/models.c"

#include "chatd/titles.h"
#include "chatd/upstream/retry.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "filed/provider.h"
#include "tests/fuzz/fuzz.h"

#define WALL   INT64_C(1800000000)
#define DAY_MS INT64_C(86400000)
#define PLAIN  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static void wait_try(const char *one, const char *other)
{
    int64_t ms = retry_after(one, other, WALL);

    must(ms >= -1 && ms <= DAY_MS);
}

static void title_try(const char *said, size_t size)
{
    cleanup(text_drop) struct text title = {0};

    if (!utf8_check(said, size) || memchr(said, '\0', size))
        return; /* answers never are */
    title_clean(&title, said, size);
    must(title.size <= TITLE_MAX && utf8_check(title.data ? title.data : "", title.size));
    must(!title.size || (!memchr(title.data, '\n', title.size) && title.data[0] != ' '));
}

static void file_see(void *state, const struct provider_file *f)
{
    must(*f->id && strlen(f->id) < PROVIDER_ID_MAX && f->filename);
    ++*(int *)state;
}

static void list_try(const char *json, size_t size)
{
    struct provider_call call = {.answer = {.data = (char *)json, .size = size}};
    char after[PROVIDER_ID_MAX];
    int seen = 0;

    if (provider_listed(&call, file_see, &seen, after))
        must(!*after || seen > 0);
    else
        must(seen == 0);
}

/* What came of a list of models, and what it holds. */
static void models_see(int result, const struct text *ids)
{
    cleanup(json_drop) struct json_object *names = NULL;
    const char *why;

    if (result != DONE) {
        must(ids->size == 0);
        return;
    }
    must(json_parse(ids->data, ids->size, &names, &why) == DONE);
    must(json_object_is_type(names, json_type_array));
    must(json_object_array_length(names) <= UPSTREAM_MODELS_MAX);
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        must(*name && strlen(name) <= MODEL_ID_MAX && utf8_check(name, strlen(name)));
    }
}

static void models_try(const char *said, size_t size)
{
    cleanup(text_drop) struct text ids = {0};

    models_see(answer_read(said, size, &ids), &ids);
}

/* ---- curl without a network ---- */

static struct {
    CURLcode code;
    long http;
    bool connected;
    const char *after_ms, *after; /* headers; "": not there */
    char *body;
    size_t size;
    curl_write_callback write;
    void *state;
} answer;

CURL *(curl_easy_init)(void)
{
    return &answer;
}

void(curl_easy_cleanup)(CURL *easy)
{
    must(easy == &answer);
}

CURLcode(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
    va_list values;

    must(easy == &answer);
    va_start(values, option);
    if (option == CURLOPT_WRITEFUNCTION)
        answer.write = va_arg(values, curl_write_callback);
    else if (option == CURLOPT_WRITEDATA)
        answer.state = va_arg(values, void *);
    va_end(values);
    return CURLE_OK;
}

CURLcode(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
    va_list values;

    must(easy == &answer);
    va_start(values, info);
    if (info == CURLINFO_RESPONSE_CODE)
        *va_arg(values, long *) = answer.http;
    else if (info == CURLINFO_PRETRANSFER_TIME_T)
        *va_arg(values, curl_off_t *) = answer.connected;
    va_end(values);
    return CURLE_OK;
}

CURLHcode(curl_easy_header)(CURL *easy, const char *name, size_t index, unsigned origin,
                            int request, struct curl_header **ret)
{
    static struct curl_header h;
    const char *value = strcmp(name, "retry-after-ms") == 0 ? answer.after_ms : answer.after;

    must(easy == &answer && index == 0 && origin == CURLH_HEADER && request == -1);
    h = (struct curl_header){.name = (char *)name, .value = (char *)value, .amount = 1};
    *ret = &h;
    return *value ? CURLHE_OK : CURLHE_MISSING;
}

/* In two pieces. */
CURLcode(curl_easy_perform)(CURL *easy)
{
    size_t half = answer.size / 2;

    must(easy == &answer && answer.write);
    if (answer.http == 0)
        return answer.code;
    if (answer.write(answer.body, 1, half, answer.state) != half ||
        answer.write(answer.body + half, 1, answer.size - half, answer.state) != answer.size - half)
        return CURLE_WRITE_ERROR;
    return answer.code;
}

static void models_ask(void)
{
    static struct upstream u;
    cleanup(text_drop) struct text ids = {0};
    const struct upstream_config config = {.base_url = "https://models.example/v1/", .key = "key"};
    const char *why;
    int r;

    if (!u.site.base_url)
        must(transfer_site_init(&u.site, &config, &why) == DONE);
    r = upstream_models(&u, answer.connected ? "00-1-2-01" : NULL, &ids);
    must(r != DONE || (answer.code == CURLE_OK && answer.http / 100 == 2));
    models_see(r, &ids);
}

static void file_ask(bool upload)
{
    struct provider_call call = {.easy = &answer,
                                 .mime = upload ? (curl_mime *)&answer : NULL,
                                 .answer = {.data = answer.body, .size = answer.size}};
    struct provider_result r;

    provider_result(&call, answer.code, &r);
    must(r.wait_ms >= -1 && r.wait_ms <= DAY_MS);
    must((r.outcome == PROVIDER_OK) == !*r.error && utf8_check(r.error, strlen(r.error)));
    must(r.outcome == PROVIDER_OK ? !upload || *r.id : !*r.id);
    must(strspn(r.id, PLAIN) == strlen(r.id));
}

/* A byte each for curl's result and for the status, two headers that end with NUL, the body. */
static void answer_try(char *text, size_t size)
{
    static const CURLcode codes[] = {CURLE_OK,
                                     CURLE_COULDNT_CONNECT,
                                     CURLE_COULDNT_RESOLVE_HOST,
                                     CURLE_SSL_CONNECT_ERROR,
                                     CURLE_PEER_FAILED_VERIFICATION,
                                     CURLE_OPERATION_TIMEDOUT,
                                     CURLE_SEND_ERROR,
                                     CURLE_PARTIAL_FILE};
    static const short statuses[] = {0,   200, 201, 204, 301, 400, 401, 403, 404,
                                     408, 409, 413, 425, 429, 500, 503, 529, 999};
    uint8_t how;

    if (size < 4)
        return;
    how = (uint8_t)text[0];
    answer.code = codes[how % 8];
    answer.connected = how & 8;
    answer.http = statuses[(uint8_t)text[1] % (sizeof statuses / sizeof *statuses)];
    answer.after_ms = text + 2;
    answer.after = answer.after_ms + strlen(answer.after_ms) + 1;
    if (answer.after >= text + size)
        return;
    answer.body = (char *)answer.after + strlen(answer.after) + 1;
    if (answer.body > text + size)
        return;
    answer.size = (size_t)(text + size - answer.body);
    file_ask(how & 16);
    models_ask();
}

/* Failures of one call, two bytes each, until it is given up. */
static void retries_try(const uint8_t *data, size_t size)
{
    static const int64_t waits_ms[] = {-1, 0, 1, 1500, 60000, DAY_MS};
    struct retry r = {0};
    int tries = size ? 1 + data[0] % 8 : 1;

    for (size_t i = 1; i + 1 < size; i += 2) {
        struct retry_failure f = {.again = (enum again)(data[i] % 4),
                                  .should_retry = data[i] / 4 % 3 - 1,
                                  .after_ms = waits_ms[data[i + 1] % 6],
                                  .token_seen = data[i] >= 248};
        struct retry_clock c = {.deadline_us = 1000 * DAY_MS, .random = data[i + 1] * 16777619U};
        struct retry_step step;
        r.requests++;
        step = retry_decide(&r, tries, &f, &c);
        must(r.pauses <= RETRY_PAUSES_MAX && r.requests <= tries + RETRY_PAUSES_MAX);
        must(!f.token_seen || !step.again);
        if (!step.again)
            return;
        must(step.wait_us >= 0 && step.wait_us < c.deadline_us);
        must(f.after_ms < 0 || step.wait_us >= 1000 * f.after_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;

    if (size < 1 || size > 65536)
        return 0;
    text = calloc(1, size + 1);
    must(text != NULL);
    memcpy(text, data + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        wait_try(text, strlen(text) + 1 < size ? text + strlen(text) + 1 : NULL);
        break;
    case 1:
        title_try(text, size - 1);
        break;
    case 2:
        list_try(text, size - 1);
        break;
    case 3:
        models_try(text, size - 1);
        break;
    case 4:
        answer_try(text, size - 1);
        break;
    default:
        retries_try(data + 1, size - 1);
        break;
    }
    return 0;
}
