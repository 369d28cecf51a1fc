/* HTTP/1.1 requests: head, then a body by Content-Length or in chunks. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem, memrchr */
#endif
#include "http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *at;
    size_t length;
};

static bool span_is(struct span s, const char *text)
{
    return s.length == strlen(text) && !strncasecmp(s.at, text, s.length);
}

static bool span_copy(struct span s, char *ret_text, size_t room)
{
    if (s.length >= room)
        return false;
    memcpy(ret_text, s.at, s.length);
    ret_text[s.length] = 0;
    return true;
}

static struct span span_trim(struct span s)
{
    while (s.length && (*s.at == ' ' || *s.at == '\t'))
        s.at++, s.length--;
    while (s.length && (s.at[s.length - 1] == ' ' || s.at[s.length - 1] == '\t'))
        s.length--;
    return s;
}

/* Cuts a line that ends in CRLF off the front; false when there is none. */
static bool line_next(struct span *rest, struct span *ret_line)
{
    const char *end = rest->length ? memchr(rest->at, '\n', rest->length) : NULL;

    if (!end || end == rest->at || end[-1] != '\r')
        return false;
    *ret_line = (struct span){rest->at, (size_t)(end - rest->at) - 1};
    rest->length -= (size_t)(end + 1 - rest->at);
    rest->at = end + 1;
    return true;
}

static int head_request_line(struct http *http, struct span line)
{
    const char *first = memchr(line.at, ' ', line.length);
    const char *last = memrchr(line.at, ' ', line.length);
    struct span method, target, version;

    if (!first || last == first)
        return 400;
    method = (struct span){line.at, (size_t)(first - line.at)};
    target = (struct span){first + 1, (size_t)(last - first) - 1};
    version = (struct span){last + 1, (size_t)(line.at + line.length - last) - 1};
    if (span_is(version, "HTTP/1.0"))
        http->old = http->close = true;
    else if (!span_is(version, "HTTP/1.1"))
        return version.length >= 5 && !memcmp(version.at, "HTTP/", 5) ? 505 : 400;
    if (!method.length || !span_copy(method, http->method, sizeof http->method))
        return 501;
    if (!target.length || *target.at != '/' || memchr(target.at, ' ', target.length))
        return 400;
    if (!span_copy(target, http->target, sizeof http->target))
        return 414;
    http->query = strchr(http->target, '?');
    if (http->query)
        *http->query++ = 0;
    return HTTP_MORE;
}

static int header_length(struct http *http, struct span value)
{
    uint64_t length = 0;

    if (!value.length || value.length > 15)
        return 400;
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit((unsigned char)value.at[i]))
            return 400;
        length = length * 10 + (uint64_t)(value.at[i] - '0');
    }
    if (http->sized && length != http->left)
        return 400;
    http->sized = true;
    http->left = length;
    return HTTP_MORE;
}

static int head_field(struct http *http, struct span name, struct span value)
{
    if (span_is(name, "content-length"))
        return header_length(http, value);
    if (span_is(name, "transfer-encoding")) {
        if (!span_is(value, "chunked") || http->chunked)
            return 501;
        http->chunked = true;
    } else if (span_is(name, "connection")) {
        http->close = span_is(value, "close") || (http->old && !span_is(value, "keep-alive"));
    } else if (span_is(name, "expect")) {
        http->expects = span_is(value, "100-continue");
    } else if (span_is(name, "content-type")) {
        return span_copy(value, http->type, sizeof http->type) ? HTTP_MORE : 431;
    } else if (span_is(name, "authorization")) {
        http->authorization = true;
        if (value.length > 7 && !strncasecmp(value.at, "Bearer ", 7)) {
            struct span token = span_trim((struct span){value.at + 7, value.length - 7});
            return span_copy(token, http->bearer, sizeof http->bearer) ? HTTP_MORE : 431;
        }
    }
    return HTTP_MORE;
}

static int head_line(struct http *http, struct span line)
{
    const char *colon = memchr(line.at, ':', line.length);
    struct span name = {line.at, colon ? (size_t)(colon - line.at) : 0};

    if (!name.length)
        return 400;
    for (size_t i = 0; i < name.length; i++)
        if (!isalnum((unsigned char)name.at[i]) && !strchr("!#$%&'*+-.^_`|~", name.at[i]))
            return 400;
    return head_field(http, name,
                      span_trim((struct span){colon + 1, line.length - name.length - 1}));
}

static int head_parse(struct http *http, struct span head)
{
    struct span line;
    int status, count = 0;

    for (size_t i = 0; i < head.length; i++) {
        unsigned char byte = (unsigned char)head.at[i];
        if (byte == 0x7f || (byte < 0x20 && !strchr("\t\r\n", byte)) || !byte)
            return 400;
    }
    if (!line_next(&head, &line))
        return 400;
    status = head_request_line(http, line);
    while (status < 400 && line_next(&head, &line) && line.length)
        status = ++count > HTTP_HEADERS_MAX ? 431 : head_line(http, line);
    if (status < 400 && (head.length || line.length))
        return 400; /* a bare LF somewhere */
    if (status < 400 && http->chunked && http->sized)
        return 400;
    if (status < 400)
        http->stage = http->chunked ? HTTP_CHUNK_SIZE : HTTP_LENGTH;
    return status < 400 ? HTTP_DONE : status;
}

int http_head(struct http *http, const char *bytes, size_t length, size_t *ret_used)
{
    size_t from = http->scanned > 3 ? http->scanned - 3 : 0;
    const char *end;

    *ret_used = 0;
    end = length > from ? memmem(bytes + from, length - from, "\r\n\r\n", 4) : NULL;
    if (!end) {
        http->scanned = length;
        return length > HTTP_HEAD_MAX ? 431 : HTTP_MORE;
    }
    *ret_used = (size_t)(end - bytes) + 4;
    if (*ret_used > HTTP_HEAD_MAX)
        return 431;
    return head_parse(http, (struct span){bytes, *ret_used});
}

static int chunk_size(struct http *http, struct span line)
{
    uint64_t size = 0;
    size_t i = 0;

    for (; i < line.length && isxdigit((unsigned char)line.at[i]); i++) {
        int digit = tolower((unsigned char)line.at[i]);
        size = size * 16 + (uint64_t)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
        if (i > 9)
            return 400;
    }
    if (!i || (i < line.length && line.at[i] != ';' && line.at[i] != ' '))
        return 400;
    http->left = size;
    http->stage = size ? HTTP_CHUNK : HTTP_TRAILER;
    return http->body + size > http->body_max ? 413 : HTTP_MORE;
}

/* The lines around chunk data: sizes, the CRLF after data, trailers. */
static int chunk_line(struct http *http, const char *bytes, size_t length, size_t *ret_used)
{
    struct span rest = {bytes, length}, line;

    if (!line_next(&rest, &line)) {
        bool broken = length && memchr(bytes, '\n', length);
        return broken || length > 1024 ? 400 : HTTP_MORE;
    }
    *ret_used = length - rest.length;
    http->body += http->stage == HTTP_TRAILER ? *ret_used : 0; /* so that trailers end too */
    if (http->body > http->body_max)
        return 413;
    if (http->stage == HTTP_CHUNK_SIZE)
        return chunk_size(http, line);
    if (http->stage == HTTP_TRAILER)
        return line.length ? HTTP_MORE : HTTP_DONE;
    http->stage = HTTP_CHUNK_SIZE;
    return line.length ? 400 : HTTP_MORE;
}

int http_body(struct http *http, const char *bytes, size_t length, size_t *ret_used,
              const char **ret_body, size_t *ret_length)
{
    *ret_used = *ret_length = 0;
    *ret_body = bytes;
    if (http->stage != HTTP_LENGTH && http->stage != HTTP_CHUNK)
        return chunk_line(http, bytes, length, ret_used);
    if (http->stage == HTTP_LENGTH && http->body + http->left > http->body_max)
        return 413;
    *ret_used = *ret_length = length < http->left ? length : (size_t)http->left;
    http->left -= *ret_used;
    http->body += *ret_used;
    if (http->left)
        return HTTP_MORE;
    if (http->stage == HTTP_LENGTH)
        return HTTP_DONE;
    http->stage = HTTP_CHUNK_END;
    return HTTP_MORE;
}

bool http_query(const struct http *http, const char *name, char *ret_value, size_t room)
{
    size_t length = strlen(name);

    for (const char *at = http->query; at && *at;) {
        size_t part = strcspn(at, "&");
        if (part > length && !memcmp(at, name, length) && at[length] == '=')
            return span_copy((struct span){at + length + 1, part - length - 1}, ret_value, room);
        at += part + (at[part] == '&');
    }
    return false;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}
