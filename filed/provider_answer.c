/* What the provider's answers mean. */
#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "filed/provider.h"
#include "proto/api.h"

/* Ids are put into paths, so only plain ones are taken. */
static bool id_usable(const char *id)
{
    size_t n = 0;

    for (; id[n]; n++)
        if (!isascii((unsigned char)id[n]) ||
            !(isalnum((unsigned char)id[n]) || id[n] == '-' || id[n] == '_'))
            return false;
    return n > 0 && n < PROVIDER_ID_MAX;
}

/* Text that was cut may end inside a character. */
static void tail_mend(char *s)
{
    size_t n = strlen(s);

    while (n && !utf8_check(s, n))
        s[--n] = '\0';
}

static int64_t header_ms(CURL *easy, const char *name, double unit)
{
    struct curl_header *h;
    char *end;
    double v;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return -1;
    v = strtod(h->value, &end) * unit;
    return end == h->value || !(v >= 0) ? -1 : v < 86400000 ? (int64_t)v : 86400000;
}

static enum provider_outcome outcome_of(long http)
{
    switch (http) {
    case 404:
        return PROVIDER_MISSING;
    case 401:
    case 403:
    case 429:
    case 503:
        return PROVIDER_DOWN;
    case 408:
    case 409:
    case 425:
        return PROVIDER_AGAIN;
    }
    return http >= 200 && http < 300 ? PROVIDER_OK
           : http >= 500             ? PROVIDER_AGAIN
                                     : PROVIDER_REFUSED;
}

static void error_write(struct json_object *o, long http, struct provider_result *ret)
{
    const char *said = json_str(json_member(o, "error"), "message", NULL);

    if (http == 401 || http == 403)
        said = "it refuses the configured key";
    snprintf(ret->error, sizeof ret->error, "the model provider answered %ld%s%s", http,
             said ? ": " : "", said ? said : "");
    tail_mend(ret->error);
}

static void transport_failed(CURLcode code, struct provider_result *ret)
{
    bool unreached = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                     code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;

    ret->outcome = unreached ? PROVIDER_DOWN : PROVIDER_AGAIN;
    snprintf(ret->error, sizeof ret->error, "the model provider %s: %s",
             unreached ? "cannot be reached" : "did not answer", curl_easy_strerror(code));
}

void provider_result(const struct provider_call *call, CURLcode code, struct provider_result *ret)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const char *why, *id;
    long http = 0;

    *ret = (struct provider_result){.wait_ms = -1};
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &http);
    /* An error may come before all was sent. */
    if (code != CURLE_OK && (code != CURLE_SEND_ERROR || http < 400)) {
        transport_failed(code, ret);
        return;
    }
    ret->outcome = outcome_of(http);
    if (json_parse(call->answer.data ? call->answer.data : "", call->answer.size, &o, &why))
        o = NULL;
    if (ret->outcome != PROVIDER_OK) {
        ret->wait_ms = header_ms(call->easy, "retry-after-ms", 1);
        if (ret->wait_ms < 0)
            ret->wait_ms = header_ms(call->easy, "retry-after", 1000);
        error_write(o, http, ret);
        return;
    }
    id = json_str(o, "id", "");
    if (!o) {
        ret->outcome = PROVIDER_AGAIN;
        snprintf(ret->error, sizeof ret->error, "the model provider's answer is not JSON");
    } else if (call->mime && !id_usable(id)) {
        ret->outcome = PROVIDER_AGAIN;
        snprintf(ret->error, sizeof ret->error, "the model provider answered without a file id");
    } else if (id_usable(id)) {
        snprintf(ret->id, sizeof ret->id, "%s", id);
    }
}

bool provider_listed(const struct provider_call *call,
                     void (*each)(void *state, const struct provider_file *file), void *state,
                     char ret_after[PROVIDER_ID_MAX])
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *list;
    const char *why;

    ret_after[0] = '\0';
    if (!call->answer.size || json_parse(call->answer.data, call->answer.size, &o, &why))
        return false;
    list = json_member(o, "data");
    if (!json_object_is_type(list, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *f = json_object_array_get_idx(list, i);
        struct provider_file file = {json_str(f, "id", ""), json_str(f, "filename", ""),
                                     json_i64(f, "bytes", -1)};
        if (!id_usable(file.id))
            continue;
        each(state, &file);
        snprintf(ret_after, PROVIDER_ID_MAX, "%s", file.id);
    }
    if (!json_flag(o, "has_more", false))
        ret_after[0] = '\0';
    return true;
}
