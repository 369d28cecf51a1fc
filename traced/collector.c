/* The collector: one curl handle, one connection. */
#include "traced/collector.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/log.h"

#define CONNECT_MS 3000L
#define SEND_MS    10000L

struct collector {
    char *url;
    struct curl_slist *headers;
    CURL *easy;
    bool away;
};

/* An option that only our own mistake can make fail. */
#define OPTION(easy, option, value)                            \
    do {                                                       \
        if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
            abort();                                           \
    } while (0)

bool collector_check(const char *endpoint, const char **reterr_why)
{
    size_t scheme = strncasecmp(endpoint, "https://", 8) == 0  ? 8
                    : strncasecmp(endpoint, "http://", 7) == 0 ? 7
                                                               : 0;

    *reterr_why = "must be http:// or https:// without user, query and fragment";
    return !*endpoint ||
           (scheme && endpoint[scheme] && endpoint[strcspn(endpoint, "?#@ ")] == '\0');
}

static void header_add(struct collector *c, const char *line)
{
    struct curl_slist *more = curl_slist_append(c->headers, line);

    if (!more)
        abort();
    c->headers = more;
}

/* Of "name=value,name=value"; what is no header is left out. */
static void headers_add(struct collector *c, const char *headers)
{
    char list[2049], *rest = list, *item;

    snprintf(list, sizeof list, "%s", headers ? headers : "");
    while ((item = strsep(&rest, ",")) != NULL) {
        char line[2100], *value = strchr(item, '='), *plain;
        if (!value)
            continue;
        *value++ = '\0';
        item += strspn(item, " ");
        plain = curl_easy_unescape(c->easy, value, 0, NULL);
        if (*item && plain && !item[strcspn(item, ": \r\n")] && !plain[strcspn(plain, "\r\n")]) {
            snprintf(line, sizeof line, "%s: %s", item, plain);
            header_add(c, line);
        }
        curl_free(plain);
    }
}

static size_t ignore(char *data, size_t one, size_t size, void *state)
{
    (void)data;
    (void)state;
    return one * size;
}

struct collector *collector_new(const char *endpoint, const char *headers)
{
    struct collector *c = calloc(1, sizeof *c);
    size_t n = strlen(endpoint);

    if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->easy = curl_easy_init()))
        abort();
    while (n && endpoint[n - 1] == '/')
        n--;
    if (asprintf(&c->url, "%.*s/v1/traces", (int)n, endpoint) < 0)
        abort();
    header_add(c, "Content-Type: application/json");
    header_add(c, "Expect:");
    headers_add(c, headers);
    OPTION(c->easy, CURLOPT_URL, c->url);
    OPTION(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    OPTION(c->easy, CURLOPT_PROXY, "");
    OPTION(c->easy, CURLOPT_NOSIGNAL, 1L);
    OPTION(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    OPTION(c->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    OPTION(c->easy, CURLOPT_TIMEOUT_MS, SEND_MS);
    OPTION(c->easy, CURLOPT_USERAGENT, "chatbot-platform/" VERSION);
    OPTION(c->easy, CURLOPT_HTTPHEADER, c->headers);
    OPTION(c->easy, CURLOPT_POST, 1L);
    OPTION(c->easy, CURLOPT_WRITEFUNCTION, ignore);
    return c;
}

void collector_drop(struct collector **collector)
{
    struct collector *c = TAKE(*collector);

    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    free(c->url);
    free(c);
    curl_global_cleanup();
}

static void away_set(struct collector *c, bool away, const char *why, long http)
{
    char quoted[128];

    if (away && !c->away)
        log_line(LOG_LEVEL_WARN, "event=collector_away http=%ld why=%s", http,
                 log_quote(why, quoted, sizeof quoted));
    else if (!away && c->away)
        log_line(LOG_LEVEL_NOTICE, "event=collector_back");
    c->away = away;
}

enum sent collector_send(struct collector *c, const char *json, size_t size)
{
    CURLcode code;
    long http = 0;

    OPTION(c->easy, CURLOPT_POSTFIELDS, json);
    OPTION(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    code = curl_easy_perform(c->easy);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &http);
    if (code == CURLE_OK && http >= 200 && http < 300) {
        away_set(c, false, "", 0);
        return SENT;
    }
    /* what OTLP/HTTP calls retryable, and no answer at all */
    if (code != CURLE_OK || http == 429 || http == 502 || http == 503 || http == 504) {
        away_set(c, true, code ? curl_easy_strerror(code) : "it has too much to do", http);
        return SENT_LATER;
    }
    away_set(c, false, "", 0);
    log_line(LOG_LEVEL_WARN, "event=collector_refuses http=%ld bytes=%zu", http, size);
    return SENT_NEVER;
}
