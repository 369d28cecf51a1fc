/* The pipeline's smaller steps: what a request must be like before it is passed on. */
#include "gateway/steps.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "gateway/cors.h"
#include "gateway/facts.h"
#include "gateway/hosts.h"
#include "gateway/media.h"
#include "gateway/rate.h"
#include "gateway/ui/files.h"
#include "gateway/upload.h"

#define BODY_MAX       262144 /* bytes of a JSON body */
#define KEY_TTL_CLIENT 86400  /* seconds */
#define KEY_TTL_MARGIN 60     /* beyond the deadline, for keys of our own */

static unsigned char trace_start[10];

__attribute__((constructor)) static void trace_begin(void)
{
    random_bytes(trace_start, sizeof trace_start);
}

void trace_make(char *ret)
{
    static atomic_uint_fast64_t count;
    uint64_t n = atomic_fetch_add(&count, 1);
    unsigned char id[16];

    memcpy(id, trace_start, sizeof trace_start);
    for (int i = 0; i < 6; i++)
        id[10 + i] = (unsigned char)(n >> (40 - 8 * i));
    hex_encode(id, sizeof id, ret);
}

/* Whether we are asked by a name of ours. */
int host_step(struct exchange *x)
{
    if (hosts_allow(x->gateway->hosts, http_header(x->request, "Host"), x->by_proxy))
        return DONE;
    return problem(x, MISDIRECTED, "Host",
                   "this site does not go by that name: the setting ALLOWED_HOSTS names those that "
                   "it does");
}

/* What comes through proxies is counted by whom it comes from; other connections were counted when
 * they began. */
int address_step(struct exchange *x)
{
    char group[ADDRESS_TEXT_MAX];

    if (!x->by_proxy || address_is_loopback(x->address) ||
        proxies_trust(x->gateway->proxies, x->address))
        return DONE;
    address_group(x->address, group);
    if (addresses_enter(x->gateway->addresses, &x->place, group))
        return DONE;
    x->problem.retry_after = CONNECTIONS_RETRY;
    return problem(x, RATE_LIMITED, NULL, "too many requests at once from your network address");
}

/* Tells pages of other origins what they may read. */
int cors_step(struct exchange *x)
{
    const struct cors *cors = x->gateway->cors;
    const char *origin = http_header(x->request, "Origin"), *allow;

    if (!cors_on(cors))
        return DONE;
    http_reply_header(x->reply, "Vary", "Origin");
    if (!origin || !(allow = cors_allow(cors, origin)))
        return DONE;
    http_reply_header(x->reply, "Access-Control-Allow-Origin", allow);
    http_reply_header(x->reply, "Access-Control-Expose-Headers",
                      "X-Request-Id, Link, Location, Retry-After, RateLimit-Limit, "
                      "RateLimit-Remaining, RateLimit-Reset, Idempotent-Replayed");
    return DONE;
}

static void methods_add(struct exchange *x, const char *header, unsigned allowed)
{
    char list[64] = "OPTIONS";
    size_t n = strlen(list);

    for (int m = METHOD_GET; m < METHOD_NONE; m++)
        if (allowed & 1U << m)
            n += (size_t)snprintf(list + n, sizeof list - n, ", %s%s",
                                  api_method_name((enum method)m), m == METHOD_GET ? ", HEAD" : "");
    http_reply_header(x->reply, header, list);
}

/* OPTIONS: which methods a path knows; with Origin, the preflight of a CORS request. */
static int options_answer(struct exchange *x, unsigned allowed)
{
    const char *origin = http_header(x->request, "Origin");

    methods_add(x, "Allow", allowed);
    if (origin && cors_allow(x->gateway->cors, origin)) {
        methods_add(x, "Access-Control-Allow-Methods", allowed);
        http_reply_header(x->reply, "Access-Control-Allow-Headers",
                          "Authorization, Content-Type, Idempotency-Key, X-Request-Id, "
                          "Last-Event-ID");
        http_reply_header(x->reply, "Access-Control-Max-Age", "600");
    }
    x->reply->status = 204;
    return DONE;
}

/* Which operation it is; pages' files and OPTIONS are answered here. */
int route_step(struct exchange *x)
{
    const char *why = NULL;
    struct match match;
    int r = path_decode(x->request->path, x->path, &why);

    if (r != DONE)
        return problem(x, r, NULL, r == BAD_REQUEST ? why : NULL);
    if (ui_file_answer(x))
        return DONE;
    match = api_match(x->method, x->path, &x->params);
    if (!match.allowed)
        return problem(x, NOT_FOUND, NULL, "no such path");
    if (strcmp(x->method, "OPTIONS") == 0)
        return options_answer(x, match.allowed);
    if (!match.op)
        methods_add(x, "Allow", match.allowed);
    x->op = match.op;
    return match.op ? DONE : METHOD_NOT_ALLOWED;
}

static void number_header(struct exchange *x, const char *name, unsigned n)
{
    char digits[16];

    snprintf(digits, sizeof digits, "%u", n);
    http_reply_header(x->reply, name, digits);
}

static int rate_answer(struct exchange *x, struct rate_answer a)
{
    number_header(x, "RateLimit-Limit", a.limit);
    number_header(x, "RateLimit-Remaining", a.remaining);
    number_header(x, "RateLimit-Reset", a.reset);
    x->problem.retry_after = a.retry;
    return a.allowed ? DONE : RATE_LIMITED;
}

static int rate_check(struct exchange *x, uint64_t key)
{
    struct rate_answer a;

    if (!x->gateway->rates)
        return DONE;
    a = rate_take(x->gateway->rates, x->op->rate, key, clock_us());
    return a.limit ? rate_answer(x, a) : DONE;
}

/* An API key's requests of all classes count together, too: a busy program leaves its user some. */
static int rate_key_check(struct exchange *x)
{
    struct rate_answer a;

    if (!x->gateway->rates || x->session >= 0)
        return DONE;
    a = rate_take_own(x->gateway->rates, RATE_APIKEY, (uint64_t)x->session, x->rights.rate,
                      clock_us());
    return a.allowed ? DONE : rate_answer(x, a);
}

/* Classes counted by address come before the costly check of who it is, ... */
int rate_address_step(struct exchange *x)
{
    char group[ADDRESS_TEXT_MAX];

    if (api_rate_key(x->op->rate) != RATE_BY_ADDRESS)
        return DONE;
    address_group(x->address, group);
    return rate_check(x, rate_key_of(group));
}

/* ... those counted by user after it. */
int rate_user_step(struct exchange *x)
{
    int r = rate_key_check(x);

    if (r != DONE || api_rate_key(x->op->rate) != RATE_BY_USER)
        return r;
    return rate_check(x, (uint64_t)x->caller);
}

int scope_step(struct exchange *x)
{
    /* internal operations have no method: no route leads to them */
    assert(x->op->scope == SCOPE_ANYONE || x->op->scope == SCOPE_USER ||
           x->op->scope == SCOPE_SESSION || x->op->scope == SCOPE_ADMIN);
    if (x->session < 0 && !(api_key_scopes(x->op) & x->rights.scopes))
        return problem(x, FORBIDDEN, NULL,
                       x->op->scope == SCOPE_SESSION
                           ? "API keys may not do that: log in"
                           : "the scopes of this API key do not allow that");
    return x->op->scope == SCOPE_ADMIN && !x->admin ? FORBIDDEN : DONE;
}

/* Whether the body, not yet read, is one that the operation takes. */
int media_step(struct exchange *x)
{
    const struct http_framing *f = &x->request->framing;

    if (x->op->stream == STREAM_UPLOAD)
        return upload_media_check(x);
    if (!api_has_body(x->op))
        return DONE;
    if (!f->length && !api_needs_body(x->op))
        return DONE;
    if (!f->has_length)
        return LENGTH_REQUIRED;
    if (f->length > BODY_MAX)
        return problem(x, TOO_LARGE, NULL, "a JSON body may have at most 262144 bytes");
    if (f->length == 0)
        return problem(x, BAD_JSON, NULL, "the body is empty");
    return media_is_json(http_header(x->request, "Content-Type")) ? DONE : UNSUPPORTED_TYPE;
}

/* "if_range" is If-Range: the request's header that an input is, or NULL. */
static const char *header_of(const struct exchange *x, const struct field *f)
{
    char name[32];
    size_t n = strlen(f->name);

    assert(n < sizeof name);
    for (size_t i = 0; i <= n; i++)
        name[i] = f->name[i] == '_' ? '-' : f->name[i];
    return http_header(x->request, name);
}

/* Inputs that are headers; one that is too long is none, as RFC 9110 lets us ignore them. */
static int headers_add(struct exchange *x)
{
    for (const struct field *f = x->op->in; f->name; f++) {
        const char *value = f->place == AT_HEADER ? header_of(x, f) : NULL;
        size_t n = value ? strlen(value) : 0;
        if (n < 1 || (int64_t)n > f->max || !utf8_check(value, n))
            continue;
        if (!params_add(&x->params, f->name, value, n))
            return problem(x, BAD_REQUEST, NULL, "too many parameters");
    }
    return DONE;
}

/* What is a header, of a form's part, or our own finding is no query parameter. */
static bool is_in_query(const struct op *op, const char *name)
{
    for (const struct field *f = op->in; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f->place != AT_HEADER && f->place != AT_PART && f->place != AT_FACT;
    return true;
}

/* The query's values, behind the path's, and the headers.  Which names are right is for the
 * operation to say. */
int params_step(struct exchange *x)
{
    const char *at = x->request->query;
    struct query_pair pair;
    int r;

    while ((r = query_next(&at, x->pair, &pair)) == 1) {
        if (pair.nul)
            return problem(x, BAD_INPUT, pair.name, "holds a NUL character");
        if (!is_in_query(x->op, pair.name))
            return problem(x, BAD_INPUT, pair.name, "is no query parameter");
        if (!params_add(&x->params, pair.name, pair.value, strlen(pair.value)))
            return problem(x, BAD_REQUEST, NULL, "too many query parameters");
    }
    if (r < 0)
        return problem(x, BAD_REQUEST, NULL, "the query holds an invalid escape or is not UTF-8");
    r = headers_add(x);
    return r ? r : facts_add(x);
}

static bool key_is_good(const char *key)
{
    size_t n = 0;

    for (; key[n]; n++)
        if (key[n] < 0x20 || key[n] > 0x7e)
            return false;
    return n >= 1 && n <= 255;
}

/*
 * The idempotency key.  A mutating request without one gets one from us, so that the bus may send
 * it again when a daemon dies.
 */
int key_step(struct exchange *x)
{
    const char *key = http_header(x->request, "Idempotency-Key");
    unsigned char random[16];

    if (x->op->method == METHOD_GET || x->op->keep == KEEP_NOTHING)
        return DONE;
    if (key && !key_is_good(key))
        return problem(x, BAD_INPUT, "Idempotency-Key", "must be 1 to 255 printable characters");
    if (key) {
        snprintf(x->key, sizeof x->key, "%s", key);
        x->key_ttl = KEY_TTL_CLIENT;
        return DONE;
    }
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, x->key);
    x->key_ttl = (uint32_t)(x->gateway->request_wait_ms / 1000) + KEY_TTL_MARGIN;
    x->key_made = true;
    return DONE;
}

int body_step(struct exchange *x)
{
    int r;

    if (!api_has_body(x->op))
        return DONE;
    r = http_body_read(x->request, &x->body);
    return r == BAD_REQUEST ? problem(x, r, NULL, "the body ended early") : r;
}
