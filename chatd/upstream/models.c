/* The provider's models, asked for by a thread that can wait. */
#include "chatd/upstream/upstream.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/upstream/engine.h"
#include "chatd/upstream/mend.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/pulse.h"
#include "common/text.h"

#define WAIT_MS      5000
#define BODY_MAX     (4 * 1024 * 1024)
#define MODEL_ID_MAX 120 /* bytes a project can name */

static void easy_drop(CURL **easy)
{
    curl_easy_cleanup(*easy);
    *easy = NULL;
}

static size_t keep(char *data, size_t one, size_t size, void *state)
{
    struct text *body = state;

    if (body->size + one * size > BODY_MAX)
        return 0;
    text_add(body, data, one * size);
    return one * size;
}

static enum failure_cause cause_of(CURL *easy, CURLcode code, int http)
{
    curl_off_t connected = 0;

    if (code == CURLE_OPERATION_TIMEDOUT) {
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
        return connected > 0 ? FAILURE_TOTAL : FAILURE_SLOW_CONNECT;
    }
    if (code != CURLE_OK)
        return http > 0 ? FAILURE_BROKEN : transfer_cause(code);
    return http >= 200 && http < 300 ? FAILURE_NONE : FAILURE_HTTP;
}

static int fetch(const struct transfer_site *site, const char *traceparent, struct text *body)
{
    char line[TRANSFER_TRACE_SIZE];
    struct curl_slist headers;
    cleanup(easy_drop) CURL *easy = NULL;
    cleanup(free_drop) char *url = NULL;
    struct failure f;

    if (asprintf(&url, "%s/models", site->base_url) < 0)
        abort();
    easy = transfer_new(site, url);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, site->get_headers);
    if (traceparent) {
        snprintf(line, sizeof line, "traceparent: %s", traceparent);
        transfer_header_add(easy, site->get_headers, line, &headers);
    }
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    bool waited = pulse_wait_begin();
    CURLcode code = curl_easy_perform(easy);
    pulse_wait_end(waited);
    int http = transfer_head(easy).http;
    enum failure_cause cause = cause_of(easy, code, http);
    if (cause == FAILURE_NONE)
        return DONE;
    failure_judge(&f, cause, http, "", "", 0, NULL);
    return f.status;
}

/* {"data": [{"id": "..."}]} */
static void list(struct text *ret_ids, struct json_object *data)
{
    size_t n = json_object_array_length(data), used = 0;

    text_putc(ret_ids, '[');
    for (size_t i = 0; i < n && used < UPSTREAM_MODELS_MAX; i++) {
        const char *id = json_str(json_object_array_get_idx(data, i), "id", "");
        size_t size = strlen(id);
        if (size == 0 || size > MODEL_ID_MAX)
            continue;
        if (used++ > 0)
            text_putc(ret_ids, ',');
        text_json(ret_ids, id, size);
    }
    text_putc(ret_ids, ']');
}

/* Appends the names that an answer lists.  DONE, or UPSTREAM_CUT: it is none. */
static int answer_read(const char *text, size_t size, struct text *ret_ids)
{
    cleanup(text_drop) struct text scratch = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *data;
    const char *why;

    mend_json(&scratch, &text, &size);
    if (json_parse(text, size, &o, &why) != DONE)
        return UPSTREAM_CUT;
    data = json_member(o, "data");
    if (!json_object_is_type(data, json_type_array))
        return UPSTREAM_CUT;
    list(ret_ids, data);
    return DONE;
}

int upstream_models(struct upstream *u, const char *traceparent, struct text *ret_ids)
{
    cleanup(text_drop) struct text body = {0};
    int r = fetch(&u->site, traceparent, &body);

    return r ? r : answer_read(body.data ? body.data : "", body.size, ret_ids);
}
