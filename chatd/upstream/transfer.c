/* curl handles for the provider: options, the key, and what results mean. */
#include "chatd/upstream/transfer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "common/digest.h"

#define AUTHORIZATION "Authorization: Bearer "
#define CANCEL_MS     10000L /* for the provider to say that it stops a response */
#define SECRET_SIZE   (sizeof AUTHORIZATION + TRANSFER_KEY_MAX)

/* An option that only our own mistake can make fail. */
#define OPTION(easy, option, value)                                      \
    do {                                                                 \
        CURLcode option_result_ = curl_easy_setopt(easy, option, value); \
        assert(option_result_ == CURLE_OK);                              \
    } while (0)

static char *copy(const char *s)
{
    char *d = strdup(s);

    if (!d)
        abort();
    return d;
}

/* RFC 6750: what a bearer token may be made of; so no header can be smuggled in with it. */
static bool key_usable(const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < n; i++)
        if (key[i] <= ' ' || key[i] >= 0x7f)
            return false;
    return n <= TRANSFER_KEY_MAX;
}

static bool url_usable(const char *url, bool *ret_tls)
{
    *ret_tls = strncasecmp(url, "https://", 8) == 0;
    if (!*ret_tls && strncasecmp(url, "http://", 7) != 0)
        return false;
    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '?' || *c == '#' || *c == '@')
            return false;
    return strlen(url) > (*ret_tls ? 8 : 7);
}

static void keep_key(struct transfer_site *s, const char *key)
{
    char *page =
        mmap(NULL, SECRET_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        abort();
    madvise(page, SECRET_SIZE, MADV_DONTDUMP);
    snprintf(page, SECRET_SIZE, AUTHORIZATION "%s", key);
    s->secret = page;
    s->key = page + sizeof AUTHORIZATION - 1;
}

/* Links items into a list of lines, which curl borrows and never writes to. */
static void chain(struct curl_slist *items, size_t count, const char *const *lines)
{
    for (size_t i = 0; i < count; i++) {
        items[i].data = (char *)lines[i];
        items[i].next = i + 1 < count ? &items[i + 1] : NULL;
    }
}

static void make_headers(struct transfer_site *s)
{
    /* Without a key the last line only says, once more, to send no Expect. */
    const char *last = s->secret ? s->secret : "Expect:";

    chain(s->post_headers, 4,
          (const char *[]){"Content-Type: application/json", "Accept: text/event-stream",
                           "Expect:", last});
    chain(s->get_headers, 2, (const char *[]){"Accept: application/json", last});
}

int transfer_site_init(struct transfer_site *s, const struct upstream_config *c,
                       const char **reterr_why)
{
    size_t n = strlen(c->base_url);

    *s = (struct transfer_site){.connect_ms = c->connect_ms};
    if (!url_usable(c->base_url, &s->tls)) {
        *reterr_why = "the base URL must be http:// or https:// without user, query and fragment";
        return BAD_INPUT;
    }
    if (c->key && !key_usable(c->key)) {
        *reterr_why = "the key has spaces or control characters, or is too long";
        return BAD_INPUT;
    }
    s->base_url = copy(c->base_url);
    while (n > 0 && s->base_url[n - 1] == '/')
        s->base_url[--n] = '\0';
    s->proxy = copy(c->proxy ? c->proxy : "");
    s->ca_file = c->ca_file ? copy(c->ca_file) : NULL;
    if (c->key && *c->key)
        keep_key(s, c->key);
    make_headers(s);
    return DONE;
}

void transfer_site_drop(struct transfer_site *s)
{
    free(s->base_url);
    free(s->proxy);
    free(s->ca_file);
    if (s->secret) {
        secret_wipe(s->secret, SECRET_SIZE);
        munmap(s->secret, SECRET_SIZE);
    }
    *s = (struct transfer_site){0};
}

CURL *transfer_new(const struct transfer_site *s, const char *url)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        abort();
    OPTION(easy, CURLOPT_URL, url);
    OPTION(easy, CURLOPT_PROTOCOLS_STR, s->tls ? "https" : "http");
    OPTION(easy, CURLOPT_PROXY, s->proxy);
    OPTION(easy, CURLOPT_NOSIGNAL, 1L);
    OPTION(easy, CURLOPT_FOLLOWLOCATION, 0L);
    OPTION(easy, CURLOPT_TCP_NODELAY, 1L);
    OPTION(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    OPTION(easy, CURLOPT_CONNECTTIMEOUT_MS, s->connect_ms);
    OPTION(easy, CURLOPT_USERAGENT, "chatbot-platform/" VERSION);
    /* Without a directory curl reads the file once and keeps it, else for every connection
     * (40 ms each). */
    OPTION(easy, CURLOPT_CAPATH, NULL);
    if (s->ca_file)
        OPTION(easy, CURLOPT_CAINFO, s->ca_file);
    /* Only TLS can tell whether a server speaks HTTP/2.  Where it may, new requests wait for the
     * connection that is being made instead of making one each. */
    OPTION(easy, CURLOPT_HTTP_VERSION, s->tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    OPTION(easy, CURLOPT_PIPEWAIT, s->tls ? 1L : 0L);
    return easy;
}

void transfer_pool_init(struct transfer_pool *p, const struct transfer_site *s, const char *path,
                        curl_write_callback write)
{
    *p = (struct transfer_pool){.site = s, .write = write};
    if (asprintf(&p->url, "%s%s", s->base_url, path) < 0)
        abort();
}

void transfer_pool_drop(struct transfer_pool *p)
{
    while (p->count > 0)
        curl_easy_cleanup(p->idle[--p->count]);
    free(p->url);
    p->url = NULL;
}

void transfer_ask_first(CURL *easy, curl_prereq_callback ask, void *state)
{
    OPTION(easy, CURLOPT_PREREQFUNCTION, ask);
    OPTION(easy, CURLOPT_PREREQDATA, state);
}

void transfer_header_add(CURL *easy, const struct curl_slist *site, const char *line,
                         struct curl_slist *ret_item)
{
    *ret_item = (struct curl_slist){.data = (char *)line, .next = (struct curl_slist *)site};
    OPTION(easy, CURLOPT_HTTPHEADER, ret_item);
}

CURL *transfer_post(struct transfer_pool *p, const char *body, size_t size, void *state)
{
    CURL *easy = p->count > 0 ? p->idle[--p->count] : NULL;

    if (!easy) {
        easy = transfer_new(p->site, p->url);
        OPTION(easy, CURLOPT_POST, 1L);
        OPTION(easy, CURLOPT_WRITEFUNCTION, p->write);
    }
    OPTION(easy, CURLOPT_HTTPHEADER, p->site->post_headers);
    OPTION(easy, CURLOPT_POSTFIELDS, body);
    OPTION(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    OPTION(easy, CURLOPT_WRITEDATA, state);
    OPTION(easy, CURLOPT_PRIVATE, state);
    return easy;
}

static CURL *response_handle(struct transfer_pool *p, const char *response_id, const char *rest)
{
    char *url;
    CURL *easy;

    if (asprintf(&url, "%s/%s%s", p->url, response_id, rest) < 0)
        abort();
    easy = transfer_new(p->site, url);
    free(url);
    return easy;
}

CURL *transfer_follow(struct transfer_pool *p, const char *response_id, int64_t after, void *state)
{
    char rest[64];
    CURL *easy;

    snprintf(rest, sizeof rest, "?stream=true&starting_after=%lld", (long long)after);
    easy = response_handle(p, response_id, after < 0 ? "?stream=true" : rest);
    OPTION(easy, CURLOPT_HTTPHEADER, p->site->post_headers + 1); /* no content, an event stream */
    OPTION(easy, CURLOPT_WRITEFUNCTION, p->write);
    OPTION(easy, CURLOPT_WRITEDATA, state);
    OPTION(easy, CURLOPT_PRIVATE, state);
    return easy;
}

static size_t ignore(char *data, size_t one, size_t size, void *state)
{
    (void)data;
    (void)state;
    return one * size;
}

CURL *transfer_cancel(struct transfer_pool *p, const char *response_id)
{
    CURL *easy = response_handle(p, response_id, "/cancel");

    OPTION(easy, CURLOPT_POST, 1L);
    OPTION(easy, CURLOPT_POSTFIELDS, "");
    OPTION(easy, CURLOPT_HTTPHEADER, p->site->post_headers);
    OPTION(easy, CURLOPT_WRITEFUNCTION, ignore);
    OPTION(easy, CURLOPT_TIMEOUT_MS, CANCEL_MS);
    OPTION(easy, CURLOPT_PRIVATE, NULL);
    return easy;
}

void transfer_put(struct transfer_pool *p, CURL *easy)
{
    if (easy && p->count < TRANSFER_IDLE_MAX)
        p->idle[p->count++] = easy;
    else
        curl_easy_cleanup(easy);
}

struct transfer_head transfer_head(CURL *easy)
{
    static const char stream[] = "text/event-stream";
    char *type = NULL;
    long http = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    return (struct transfer_head){
        .http = (int)http, .stream = type && strncasecmp(type, stream, sizeof stream - 1) == 0};
}

const char *transfer_header(CURL *easy, const char *name)
{
    struct curl_header *h;

    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

enum failure_cause transfer_cause(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return FAILURE_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return FAILURE_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: /* we set no other of curl's limits */
        return FAILURE_SLOW_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return FAILURE_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
        return FAILURE_TLS;
    default:
        return FAILURE_BROKEN;
    }
}
