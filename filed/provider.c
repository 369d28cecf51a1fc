/* Requests to the provider's Files API. */
#include "filed/provider.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "proto/api.h"

#define ANSWER_MAX (4 << 20) /* bytes of an answer: a page of PROVIDER_LIST_MAX files fits */
#define RATE_MIN   4096      /* bytes per second below which a transfer counts as silent */
#define KEY_MAX    512

#define OPTION(easy, option, value)                                      \
    do {                                                                 \
        CURLcode option_result_ = curl_easy_setopt(easy, option, value); \
        assert(option_result_ == CURLE_OK);                              \
    } while (0)

struct provider {
    char *base_url;
    bool tls;
    long connect_ms, silence_s;
    char authorization[sizeof "Authorization: Bearer " + KEY_MAX];
    struct curl_slist headers[2]; /* their lines are constants, and the one above */
};

/* http:// or https:// without user, query or fragment. */
static bool url_usable(const char *url)
{
    const char *host = strncasecmp(url, "https://", 8) == 0  ? url + 8
                       : strncasecmp(url, "http://", 7) == 0 ? url + 7
                                                             : "";

    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '?' || *c == '#' || *c == '@')
            return false;
    return *host;
}

/* RFC 6750: what a bearer token may be made of; so no header can be smuggled in with it. */
static bool key_usable(const char *key)
{
    for (const char *c = key; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    return strlen(key) <= KEY_MAX;
}

static void curl_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

int provider_new(const struct provider_config *c, struct provider **ret, const char **reterr_why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct provider *p;
    size_t n;

    *reterr_why = "the base URL must be http:// or https:// without user, query and fragment";
    if (!url_usable(c->base_url))
        return BAD_INPUT;
    *reterr_why = "the key has spaces or control characters, or is too long";
    if (!key_usable(c->key))
        return BAD_INPUT;
    pthread_once(&once, curl_start);
    p = calloc(1, sizeof *p);
    if (!p || !(p->base_url = strdup(c->base_url)))
        abort();
    for (n = strlen(p->base_url); n && p->base_url[n - 1] == '/'; n--)
        p->base_url[n - 1] = '\0';
    p->tls = strncasecmp(c->base_url, "https", 5) == 0;
    p->connect_ms = c->connect_s * 1000L;
    p->silence_s = c->silence_s;
    p->headers[0] = (struct curl_slist){.data = (char *)"Expect:"};
    if (*c->key) {
        snprintf(p->authorization, sizeof p->authorization, "Authorization: Bearer %s", c->key);
        p->headers[1].data = p->authorization;
        p->headers[0].next = &p->headers[1];
    }
    *ret = p;
    return DONE;
}

void provider_drop(struct provider **pp)
{
    struct provider *p = TAKE(*pp);

    if (!p)
        return;
    secret_wipe(p->authorization, sizeof p->authorization);
    free(p->base_url);
    free(p);
}

static size_t answer_take(char *data, size_t one, size_t n, void *state)
{
    struct provider_call *call = state;

    (void)one;
    if (call->answer.size + n > ANSWER_MAX)
        return 0;
    text_add(&call->answer, data, n);
    return n;
}

static void call_begin(const struct provider *p, struct provider_call *call, const char *path)
{
    cleanup(free_drop) char *url = NULL;
    CURL *easy = curl_easy_init();

    if (!easy || asprintf(&url, "%s%s", p->base_url, path) < 0)
        abort();
    *call = (struct provider_call){.easy = easy, .fd = -1};
    OPTION(easy, CURLOPT_URL, url);
    OPTION(easy, CURLOPT_PROTOCOLS_STR, p->tls ? "https" : "http");
    OPTION(easy, CURLOPT_PROXY, "");
    OPTION(easy, CURLOPT_NOSIGNAL, 1L);
    OPTION(easy, CURLOPT_FOLLOWLOCATION, 0L);
    OPTION(easy, CURLOPT_CONNECTTIMEOUT_MS, p->connect_ms);
    OPTION(easy, CURLOPT_LOW_SPEED_LIMIT, (long)RATE_MIN);
    OPTION(easy, CURLOPT_LOW_SPEED_TIME, p->silence_s);
    OPTION(easy, CURLOPT_USERAGENT, "chatbot-platform/" VERSION);
    OPTION(easy, CURLOPT_HTTPHEADER, p->headers);
    OPTION(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    OPTION(easy, CURLOPT_WRITEFUNCTION, answer_take);
    OPTION(easy, CURLOPT_WRITEDATA, call);
    OPTION(easy, CURLOPT_PRIVATE, call);
}

static size_t content_read(char *buf, size_t one, size_t n, void *state)
{
    const struct provider_call *call = state;
    ssize_t got = read(call->fd, buf, one * n);

    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int content_seek(void *state, curl_off_t offset, int origin)
{
    const struct provider_call *call = state;

    return lseek(call->fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static curl_mimepart *part_add(struct provider_call *call, const char *name)
{
    curl_mimepart *part = curl_mime_addpart(call->mime);

    if (!part || curl_mime_name(part, name) != CURLE_OK)
        abort();
    return part;
}

void provider_upload(const struct provider *p, struct provider_call *call, int fd, int64_t size,
                     const char *name, const char *mime)
{
    curl_mimepart *part;

    call_begin(p, call, "/files");
    call->fd = fd;
    call->size = size;
    call->mime = curl_mime_init(call->easy);
    if (!call->mime)
        abort();
    part = part_add(call, "purpose");
    if (curl_mime_data(part, "user_data", CURL_ZERO_TERMINATED) != CURLE_OK)
        abort();
    part = part_add(call, "file");
    if (curl_mime_filename(part, name) != CURLE_OK || curl_mime_type(part, mime) != CURLE_OK ||
        curl_mime_data_cb(part, size, content_read, content_seek, NULL, call) != CURLE_OK)
        abort();
    OPTION(call->easy, CURLOPT_MIMEPOST, call->mime);
    /* On a connection that was used before, curl would send it again by itself when that is closed
     * without an answer, and there would be two. */
    OPTION(call->easy, CURLOPT_FRESH_CONNECT, 1L);
    OPTION(call->easy, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
}

void provider_delete(const struct provider *p, struct provider_call *call, const char *id)
{
    char path[sizeof "/files/" + PROVIDER_ID_MAX];

    snprintf(path, sizeof path, "/files/%s", id);
    call_begin(p, call, path);
    OPTION(call->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
}

void provider_list(const struct provider *p, struct provider_call *call, const char *after)
{
    char path[128 + PROVIDER_ID_MAX];

    snprintf(path, sizeof path, "/files?purpose=user_data&order=asc&limit=%d%s%s",
             PROVIDER_LIST_MAX, *after ? "&after=" : "", after);
    call_begin(p, call, path);
}

void provider_trace(const struct provider *p, struct provider_call *call, const char *traceparent)
{
    snprintf(call->trace_line, sizeof call->trace_line, "traceparent: %s", traceparent);
    call->trace_header =
        (struct curl_slist){.data = call->trace_line, .next = (struct curl_slist *)p->headers};
    OPTION(call->easy, CURLOPT_HTTPHEADER, &call->trace_header);
}

void provider_call_drop(struct provider_call *call)
{
    if (call->easy)
        curl_easy_cleanup(call->easy);
    if (call->mime)
        curl_mime_free(call->mime);
    if (call->easy)
        fd_drop(&call->fd);
    text_drop(&call->answer);
    *call = (struct provider_call){.fd = -1};
}
