/* One GET by libcurl. */
#include "deploy/admin/http_get.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define WAIT_S   5
#define BODY_MAX (256 << 10)

static void easy_drop(CURL **c)
{
    curl_easy_cleanup(*c);
}

static size_t keep(char *data, size_t size, size_t n, void *state)
{
    struct text *body = state;

    if (body->size + size * n > BODY_MAX)
        return 0;
    text_add(body, data, size * n);
    return size * n;
}

int http_get(const char *url, const char *token, struct text *ret_body, const char **reterr_why)
{
    cleanup(easy_drop) CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode r;

    if (!curl)
        abort();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)WAIT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_body);
    if (token && *token) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
    }
    r = curl_easy_perform(curl);
    *reterr_why = curl_easy_strerror(r);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return r == CURLE_OK ? (int)status : 0;
}

int gateway_get(const struct conf *conf, const char *path, struct text *ret_url,
                struct text *ret_body, const char **reterr_why)
{
    const char *listen = conf_str(conf, SET_LISTEN);

    text_printf(ret_url, "http://%s:%lld%s", strcmp(listen, "0.0.0.0") == 0 ? "127.0.0.1" : listen,
                (long long)(conf_i64(conf, SET_PORT) + conf_i64(conf, SET_GATEWAY_NUMBER) - 1),
                path);
    text_putc(ret_url, '\0');
    return http_get(ret_url->data, NULL, ret_body, reterr_why);
}
