/* Who is calling: bearer tokens, their keys, and whether their session still stands. */
#include "gateway/auth.h"

#include <endian.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/events.h"
#include "common/fault.h"
#include "common/json.h"
#include "common/token.h"
#include "gateway/broker/broker.h"
#include "gateway/keys.h"
#include "gateway/rate.h"

#define TOKENS_REMEMBERED 8192
#define KEY_PREFIX        "cbk_"
#define CHECK_WAIT_MS     5000 /* for authd, when it must be asked */

struct auth {
    struct sessions *sessions;
    struct keys *keys;
    auth_ended_fn *ended; /* NULL: nobody */
    auth_keys_fn *keys_changed;
    void *ended_state;
    uint64_t newest, gaps; /* that it was told of; the broker's thread's own */
};

struct auth *auth_new(void)
{
    struct auth *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    a->sessions = sessions_new(TOKENS_REMEMBERED);
    a->keys = keys_new();
    return a;
}

void auth_drop(struct auth **a)
{
    if (!*a)
        return;
    sessions_drop(&(*a)->sessions);
    keys_drop(&(*a)->keys);
    free(*a);
    *a = NULL;
}

static void ended_tell(struct auth *a, const struct event *e)
{
    struct sessions_stats stats;

    sessions_stats(a->sessions, &stats);
    if (stats.gaps != a->gaps)
        a->ended(a->ended_state, 0);
    for (size_t i = 0; e->cursor != a->newest && (i + 1) * 8 <= e->size; i++) {
        int64_t id;
        memcpy(&id, e->data + i * 8, sizeof id);
        a->ended(a->ended_state, (int64_t)le64toh((uint64_t)id));
    }
    a->newest = e->cursor;
    a->gaps = stats.gaps;
}

/* On the broker's thread. */
static void session_event(void *state, const struct event *e)
{
    struct auth *a = state;

    if (e->what == EVENT_KEYS) {
        if (keys_news(a->keys, e->cursor) && a->keys_changed)
            a->keys_changed(a->ended_state);
        return;
    }
    sessions_event(a->sessions, e->cursor, e->attempt, e->data, e->size, clock_us());
    if (a->ended)
        ended_tell(a, e);
}

void auth_on_ended(struct auth *a, auth_ended_fn *fn, auth_keys_fn *keys, void *state)
{
    a->ended = fn;
    a->keys_changed = keys;
    a->ended_state = state;
}

void auth_follow(struct auth *a, struct broker *broker)
{
    broker_on_session(broker, session_event, a);
}

void auth_session_ended(struct auth *a, int64_t session)
{
    sessions_ended(a->sessions, session);
    if (a->ended)
        a->ended(a->ended_state, session);
}

void auth_stats(struct auth *a, struct sessions_stats *ret)
{
    sessions_stats(a->sessions, ret);
}

int auth_ask(struct exchange *x, enum op_id op, int64_t caller, const struct params *params,
             struct json_object **ret_body)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    uint32_t left = exchange_left_ms(x);
    const char *why;
    const struct bus_request request = {
        .op = api_op(op),
        .caller = caller,
        .trace = x->asks,
        .address = x->address,
        .params = {params->data, params->size},
        .deadline_ms = left < CHECK_WAIT_MS ? left : CHECK_WAIT_MS,
    };

    broker_call(x->gateway->broker, &request, &reply);
    x->problem.retry_after = reply.retry_after;
    if (reply.status == NOT_FOUND || reply.status == BUSY)
        return reply.status;
    if (reply.status != DONE)
        return problem(x, UNAVAILABLE, NULL,
                       "your rights cannot be checked now, try again shortly");
    if (json_parse(reply.body ? reply.body : "", reply.body_size, ret_body, &why) != DONE)
        return FAULT("the reply to %s is no JSON: %s", request.op->name, why);
    return DONE;
}

static int keys_fetch(void *state)
{
    struct exchange *x = state;
    cleanup(json_drop) struct json_object *list = NULL;
    const struct params none = {0};
    bool lost;
    int r = auth_ask(x, OP_key_list, 0, &none, &list);

    if (r != DONE)
        return r == NOT_FOUND ? UNAVAILABLE : r;
    r = keys_set(x->gateway->auth->keys, list, &lost);
    if (r == DONE && lost)
        sessions_forget(x->gateway->auth->sessions);
    return r;
}

int auth_jwks(struct exchange *x, struct text *to)
{
    struct auth *a = x->gateway->auth;
    int r = keys_renew(a->keys, keys_fetch, x);

    if (r == DONE)
        keys_jwks(a->keys, to);
    return r;
}

static int refused(struct exchange *x, const char *why)
{
    char detail[128];

    snprintf(detail, sizeof detail, "the token is not valid: %s", why);
    return problem(x, UNAUTHORIZED, NULL, detail);
}

/* The token's form, signature and times. */
static int token_check(struct exchange *x, const char *token, struct session_entry *ret)
{
    struct auth *a = x->gateway->auth;
    struct token_claims claims;
    const char *why;
    bool unknown;
    int64_t wall = time(NULL);
    uint64_t asked = keys_asked(a->keys);
    int r = keys_verify(a->keys, token, strlen(token), wall, &claims, &why, &unknown);

    if (r == UNAUTHORIZED && unknown) {
        if ((r = keys_refresh(a->keys, asked, clock_us(), keys_fetch, x)) != DONE)
            return r;
        r = keys_verify(a->keys, token, strlen(token), wall, &claims, &why, &unknown);
    }
    if (r != DONE)
        return r == UNAUTHORIZED ? refused(x, why) : r;
    *ret = (struct session_entry){
        .account = claims.account, .session = claims.session, .expires = claims.expires};
    return DONE;
}

/* Whether the session stands, and whose it is.  *ret_state: authd's answer. */
static int session_check(struct exchange *x, int64_t account, int64_t session,
                         struct json_object **ret_state)
{
    char data[64], id[24];
    struct params params = {.data = data, .capacity = sizeof data};
    int r;

    snprintf(id, sizeof id, "%lld", (long long)session);
    if (!params_add(&params, "session_id", id, strlen(id)))
        return FAULT("a session id does not fit");
    r = auth_ask(x, OP_session_check, account, &params, ret_state);
    if (r == NOT_FOUND || (r == DONE && json_i64(*ret_state, "user_id", 0) != account))
        return refused(x, "its session has ended");
    return r;
}

/* A key is no admin's unless it says so itself. */
static bool is_admin(struct json_object *state, const struct session_entry *e)
{
    return strcmp(json_str(state, "role", ""), "admin") == 0 &&
           (e->session > 0 || e->rights.scopes & KEY_ADMIN);
}

/* The same for a token, which is remembered if so. */
static int session_ask(struct exchange *x, const unsigned char *digest, uint64_t ticket,
                       struct session_entry *e)
{
    cleanup(json_drop) struct json_object *state = NULL;
    struct sessions *sessions = x->gateway->auth->sessions;
    int r = session_check(x, e->account, e->session, &state);

    if (r != DONE)
        return r;
    e->admin = is_admin(state, e);
    e->limited = json_flag(state, "limited", false);
    sessions_add(sessions, digest, e, json_i64(state, "seq", -1), ticket);
    return DONE;
}

static const char *bearer_token(const struct exchange *x)
{
    const char *s = http_header(x->request, "Authorization");

    if (!s || strncasecmp(s, "Bearer ", 7) != 0)
        return NULL;
    s += 7;
    s += strspn(s, " ");
    return *s ? s : NULL;
}

bool auth_key_is_gone(struct exchange *x)
{
    struct keys *keys = x->gateway->auth->keys;
    const char *token = x->session > 0 ? bearer_token(x) : NULL;

    return token && keys_renew(keys, keys_fetch, x) == DONE &&
           keys_miss(keys, token, strlen(token), time(NULL));
}

bool auth_session_is_over(struct exchange *x)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    char data[64], id[24];
    struct params params = {.data = data, .capacity = sizeof data};
    struct bus_request request = {
        .op = api_op(OP_session_check),
        .caller = x->caller,
        .trace = x->asks,
        .address = x->address,
        .deadline_ms = CHECK_WAIT_MS,
    };

    snprintf(id, sizeof id, "%lld", (long long)x->session);
    if (!params_add(&params, "session_id", id, strlen(id)))
        return false;
    request.params = (struct blob){params.data, params.size};
    broker_call(x->gateway->broker, &request, &reply);
    return reply.status == NOT_FOUND;
}

/* Whoever tries keys is slowed down before authd is asked. */
static int key_try(struct exchange *x)
{
    char group[ADDRESS_TEXT_MAX];
    struct rate_answer a;

    if (!x->gateway->rates)
        return DONE;
    address_group(x->address, group);
    a = rate_take(x->gateway->rates, RATE_KEY_CHECK, rate_key_of(group), clock_us());
    x->problem.retry_after = a.retry;
    return a.allowed ? DONE : RATE_LIMITED;
}

/* An API key that is not remembered: whose it is, and what it may do. */
static int key_ask(struct exchange *x, const unsigned char *digest, uint64_t ticket,
                   struct session_entry *ret)
{
    cleanup(json_drop) struct json_object *state = NULL;
    struct sessions *sessions = x->gateway->auth->sessions;
    char data[96], hex[2 * DIGEST_SIZE + 1];
    struct params params = {.data = data, .capacity = sizeof data};
    int r = key_try(x);

    if (r != DONE)
        return r;
    hex_encode(digest, DIGEST_SIZE, hex);
    if (!params_add(&params, "digest", hex, strlen(hex)))
        return FAULT("a digest does not fit");
    r = auth_ask(x, OP_apikey_check, 0, &params, &state);
    if (r == NOT_FOUND)
        return problem(x, UNAUTHORIZED, NULL, "the API key is not valid");
    if (r != DONE)
        return r;
    *ret = (struct session_entry){.account = json_i64(state, "user_id", 0),
                                  .session = -json_i64(state, "id", 0),
                                  .expires = json_i64(state, "expires", 0),
                                  .rights = {api_key_scopes_named(json_str(state, "scopes", "")),
                                             json_i64(state, "project_id", 0),
                                             json_i64(state, "rate", 0)}};
    if (ret->account <= 0 || ret->session >= 0)
        return FAULT("authd sent an API key that is none");
    ret->admin = is_admin(state, ret);
    ret->limited = json_flag(state, "limited", false);
    sessions_add(sessions, digest, ret, json_i64(state, "seq", -1), ticket);
    return DONE;
}

int auth_identify(struct exchange *x)
{
    unsigned char digest[DIGEST_SIZE];
    struct session_entry e;
    const char *token;
    uint64_t ticket;
    int r = DONE;

    token = bearer_token(x);
    if (!token)
        return UNAUTHORIZED;
    if (strlen(token) > TOKEN_MAX)
        return refused(x, "malformed token");
    if ((r = keys_renew(x->gateway->auth->keys, keys_fetch, x)) != DONE)
        return r;
    digest_sha256(token, strlen(token), digest);
    /* before any look: a key that is revoked from here on makes all we find too old to keep */
    ticket = sessions_ticket(x->gateway->auth->sessions);
    switch (sessions_find(x->gateway->auth->sessions, digest, clock_us(), time(NULL), &e)) {
    case SESSION_TRUSTED:
        break;
    case SESSION_UNKNOWN:
        if (strncmp(token, KEY_PREFIX, strlen(KEY_PREFIX)) == 0) {
            if ((r = key_ask(x, digest, ticket, &e)) != DONE)
                return r;
            break;
        }
        if ((r = token_check(x, token, &e)) != DONE)
            return r;
        /* fall through */
    case SESSION_DOUBTED:
        if ((r = session_ask(x, digest, ticket, &e)) != DONE)
            return r;
    }
    x->caller = e.account;
    x->session = e.session;
    x->admin = e.admin;
    x->limited = e.limited;
    x->rights = e.rights;
    return DONE;
}

/* What an account reaches that has to have a second factor first: its own affairs. */
static bool is_own_affair(const struct op *op)
{
    return op->svc == SVC_AUTH && (op->scope == SCOPE_SESSION || op->id == OP_user_me);
}

int auth_step(struct exchange *x)
{
    int r = x->op->scope == SCOPE_ANYONE ? DONE : auth_identify(x);

    return !r && x->limited && !is_own_affair(x->op) ? TOTP_SETUP : r;
}
