/* Replies: problem documents (RFC 9457) and JSON, with the headers that go with them. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "gateway/exchange.h"

/* What a cut, here or on the bus, has left of a character is dropped; what never was UTF-8, too. */
static void text_copy(char *to, size_t capacity, const char *s)
{
    size_t n;

    snprintf(to, capacity, "%s", s ? s : "");
    n = strlen(to);
    for (int i = 0; i < 3 && n > 0 && !utf8_check(to, n); i++)
        n--;
    to[utf8_check(to, n) ? n : 0] = '\0';
}

int problem(struct exchange *x, int status, const char *field, const char *detail)
{
    text_copy(x->problem.field, sizeof x->problem.field, field);
    text_copy(x->problem.detail, sizeof x->problem.detail, detail);
    return status;
}

void safe_headers(struct exchange *x)
{
    http_reply_header(x->reply, "X-Content-Type-Options", "nosniff");
    http_reply_header(x->reply, "Referrer-Policy", "no-referrer");
    http_reply_header(x->reply, "Permissions-Policy",
                      "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
    http_reply_header(x->reply, "Cross-Origin-Opener-Policy", "same-origin");
    if (x->tls)
        http_reply_header(x->reply, "Strict-Transport-Security", "max-age=63072000");
}

/* What is the same in all that the API answers. */
void api_headers(struct exchange *x)
{
    struct http_reply *reply = x->reply;

    http_reply_header(reply, "Cache-Control", "no-store");
    http_reply_header(reply, "Content-Security-Policy",
                      "default-src 'none'; frame-ancestors 'none'");
}

static const char *title_of(int http)
{
    switch (http) {
    case 400:
        return "Bad request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not found";
    case 405:
        return "Method not allowed";
    case 408:
        return "Request timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 411:
        return "Length required";
    case 413:
        return "Content too large";
    case 414:
        return "Target too long";
    case 415:
        return "Unsupported media type";
    case 416:
        return "Range not satisfiable";
    case 422:
        return "Unprocessable content";
    case 429:
        return "Too many requests";
    case 431:
        return "Header fields too large";
    case 502:
        return "Bad gateway";
    case 503:
        return "Service unavailable";
    case 504:
        return "Gateway timeout";
    case 507:
        return "Insufficient storage";
    default:
        return "Internal server error";
    }
}

static void problem_body(struct exchange *x, int status, struct text *t)
{
    const struct problem *p = &x->problem;
    int http = api_http(status);

    text_puts(t, "{\"type\":\"about:blank\"");
    text_member_str(t, "title", title_of(http));
    text_member_i64(t, "status", http);
    text_member_str(t, "detail", p->detail[0] ? p->detail : api_text(status));
    text_member_str(t, "code", api_code(status));
    if (p->field[0])
        text_member_str(t, "field", p->field);
    text_member_str(t, "request_id", x->trace.id);
    if (p->turn_id)
        text_member_i64(t, "turn_id", (int64_t)p->turn_id);
    text_putc(t, '}');
}

void problem_reply(struct exchange *x, int status)
{
    struct http_reply *reply = x->reply;
    char seconds[16];

    if (status < 0)
        status = INTERNAL;
    x->status = status;
    /* Where the next request begins is no longer sure, or a body comes that nobody wants. */
    if (status == BAD_REQUEST || status == LENGTH_REQUIRED || status == TOO_LARGE)
        reply->close = true;
    text_clear(&reply->text);
    problem_body(x, status, &reply->text);
    *reply = (struct http_reply){.status = api_http(status),
                                 .type = "application/problem+json",
                                 .body = reply->text.data,
                                 .size = reply->text.size,
                                 .headers = reply->headers,
                                 .text = reply->text,
                                 .close = reply->close};
    api_headers(x);
    if (reply->status == 401)
        http_reply_header(reply, "WWW-Authenticate", "Bearer");
    if (!x->problem.retry_after && (reply->status == 429 || reply->status == 503))
        x->problem.retry_after = 1;
    if (x->problem.retry_after) {
        snprintf(seconds, sizeof seconds, "%u", x->problem.retry_after);
        http_reply_header(reply, "Retry-After", seconds);
    }
}

void json_reply(struct exchange *x, int http)
{
    struct http_reply *reply = x->reply;

    reply->status = http;
    if (http != 204) {
        reply->type = "application/json";
        reply->body = reply->text.data ? reply->text.data : "";
        reply->size = reply->text.size;
    }
    api_headers(x);
}

uint32_t exchange_left_ms(const struct exchange *x)
{
    int64_t spent = (clock_us() - x->request->started_us) / 1000;

    return spent < x->gateway->request_wait_ms ? (uint32_t)(x->gateway->request_wait_ms - spent)
                                               : 1;
}
