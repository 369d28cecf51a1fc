/* What a request's head must be like before anything else looks at it. */
#include "gateway/http/strict.h"

#include <string.h>
#include <strings.h>

#include "gateway/http/target.h"
#include "proto/api.h"

/* Fields that mean something to us and so may come only once. */
static const char *const once[] = {
    "Host",          "Content-Length", "Transfer-Encoding",
    "Authorization", "Content-Type",   "Idempotency-Key",
    "Origin",        "X-Request-Id",   "Expect",
    "Last-Event-ID", "If-None-Match",  "Range",
    "Cookie",        "Sec-Fetch-Site", "If-Range",
};

const char *http_header_find(const struct http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

bool http_list_has(const char *list, const char *token)
{
    size_t n = strlen(token);

    while (*list) {
        list += strspn(list, " \t,");
        size_t size = strcspn(list, ",");
        const char *next = list + size;
        while (size && (list[size - 1] == ' ' || list[size - 1] == '\t'))
            size--;
        if (size == n && strncasecmp(list, token, n) == 0)
            return true;
        list = next;
    }
    return false;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    if (!*s)
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
              strchr(others, *s)))
            return false;
    return true;
}

static bool is_value(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

static const char *fields_check(const struct http_head *h)
{
    for (size_t i = 0; i < h->count; i++) {
        if (!is_token(h->headers[i].name))
            return "a header's name holds a character that names may not hold";
        if (!is_value(h->headers[i].value))
            return "a header's value holds a control character";
    }
    for (size_t k = 0; k < sizeof once / sizeof *once; k++) {
        size_t seen = 0;
        for (size_t i = 0; i < h->count; i++)
            seen += strcasecmp(h->headers[i].name, once[k]) == 0;
        if (seen > 1)
            return "a header that may come only once came twice";
    }
    return NULL;
}

static const char *host_check(const struct http_head *h)
{
    const char *host = http_header_find(h->headers, h->count, "Host");

    if (!host)
        return strcmp(h->version, "1.0") == 0 ? NULL : "the Host header is missing";
    return host[strcspn(host, " \t,/\\@?#<>\"{}|^`")] ? "the Host header is malformed" : NULL;
}

static int length_read(const char *s, struct http_framing *ret, const char **reterr_why)
{
    *reterr_why = "Content-Length is not a number";
    if (!*s || s[strspn(s, "0123456789")])
        return BAD_REQUEST;
    *reterr_why = NULL;
    if (strlen(s) > 15)
        return TOO_LARGE;
    ret->has_length = true;
    for (; *s; s++)
        ret->length = ret->length * 10 + (*s - '0');
    return DONE;
}

/* As civetweb decides it, so that what we announce is what happens. */
static bool wants_keep_alive(const struct http_head *h)
{
    const char *connection = http_header_find(h->headers, h->count, "Connection");

    if (!connection)
        return strcmp(h->version, "1.1") == 0;
    return http_list_has(connection, "keep-alive") && !http_list_has(connection, "close") &&
           !http_list_has(connection, "upgrade");
}

static int framing_read(const struct http_head *h, struct http_framing *ret,
                        const char **reterr_why)
{
    const char *length = http_header_find(h->headers, h->count, "Content-Length");
    const char *coding = http_header_find(h->headers, h->count, "Transfer-Encoding");
    const char *expect = http_header_find(h->headers, h->count, "Expect");

    if (coding && (length || strcmp(h->version, "1.1") != 0)) {
        *reterr_why = "Transfer-Encoding does not go with Content-Length or HTTP/1.0";
        return BAD_REQUEST;
    }
    if (coding) {
        *reterr_why = "Transfer-Encoding is not taken: send a Content-Length";
        return LENGTH_REQUIRED;
    }
    ret->expects =
        expect && strcasecmp(expect, "100-continue") == 0 && strcmp(h->version, "1.1") == 0;
    return length ? length_read(length, ret, reterr_why) : DONE;
}

int http_head_check(const struct http_head *h, struct http_framing *ret, const char **reterr_why)
{
    *ret = (struct http_framing){.keep_alive = wants_keep_alive(h),
                                 .chunks = strcmp(h->version, "1.1") == 0};
    *reterr_why = NULL;
    if (h->target_size > TARGET_MAX)
        return URI_TOO_LONG;
    if (h->headers_size > HEADERS_SIZE_MAX || h->count > HEADERS_MAX ||
        (h->count == HEADERS_MAX && !h->whole))
        return HEADERS_TOO_LARGE;
    *reterr_why = "the head is malformed: folded or bare lines, or spaces in the wrong place";
    if (!h->whole)
        return BAD_REQUEST;
    if ((*reterr_why = fields_check(h)) || (*reterr_why = host_check(h)))
        return BAD_REQUEST;
    return framing_read(h, ret, reterr_why);
}
