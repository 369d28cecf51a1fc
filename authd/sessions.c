/* Sessions: opened by login, ended by logout, known to every gateway within a second. */
#include "authd/sessions.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "authd/authd.h"
#include "authd/queries.h"
#include "authd/signing_keys.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/events.h"
#include "common/service.h"
#include "common/token.h"

#define REFRESH_BYTES 32
#define REFRESH_SIZE  48 /* of its text, with NUL */

/* A new refresh token, and its SHA-256 in hex, which is all that is stored. */
static void refresh_make(char ret[REFRESH_SIZE], char ret_hash[2 * DIGEST_SIZE + 1])
{
    unsigned char bytes[REFRESH_BYTES], digest[DIGEST_SIZE];

    random_bytes(bytes, sizeof bytes);
    base64url_encode(bytes, sizeof bytes, ret);
    digest_sha256(ret, strlen(ret), digest);
    hex_encode(digest, sizeof digest, ret_hash);
    secret_wipe(bytes, sizeof bytes);
}

static int revocation_append(struct call *c, int64_t account, int64_t session)
{
    return db_do(c, Q_revocation_append, ARGS(account, session));
}

/* Ends the account's sessions beyond the limit, those unused longest.  All session rows first, the
 * counter last: every transaction that ends sessions locks in this order. */
static int sessions_trim(struct call *c, int64_t account)
{
    cleanup(rows_drop) struct pg_result *ended = NULL;
    int r = db_rows(c, Q_session_trim, ARGS(account, SESSIONS_MAX), &ended);

    for (int i = 0; !r && i < rows_count(ended); i++)
        r = revocation_append(c, account, rows_i64(ended, i, 0));
    return r;
}

static int token_reply(struct call *c, int64_t account, int64_t session, const char *refresh)
{
    const struct authd *a = call_state(c);
    int64_t now = (int64_t)time(NULL);
    struct token_claims claims = {
        .account = account, .session = session, .issued = now, .expires = now + a->token_seconds};
    char token[TOKEN_MAX];
    int r = token_sign(a->key->key, a->key->kid, &claims, token);

    if (r)
        return r;
    text_clear(&c->out);
    text_putc(&c->out, '{');
    text_member_str(&c->out, "access_token", token);
    text_member_str(&c->out, "token_type", "bearer");
    text_member_i64(&c->out, "expires_in", a->token_seconds);
    text_member_str(&c->out, "refresh_token", refresh);
    text_putc(&c->out, '}');
    secret_wipe(token, sizeof token);
    return DONE;
}

int session_open(struct call *c, int64_t account, const char *password_hash)
{
    char refresh[REFRESH_SIZE], refresh_hash[2 * DIGEST_SIZE + 1];
    int64_t session = 0;
    int r;

    refresh_make(refresh, refresh_hash);
    r = db_get(c, Q_session_insert, ARGS(account, password_hash, refresh_hash, c->address),
               INTO(&session));
    if (r == NOT_FOUND)
        r = BAD_LOGIN;
    if (!r)
        r = sessions_trim(c, account);
    if (!r)
        r = token_reply(c, account, session, refresh);
    secret_wipe(refresh, sizeof refresh);
    return r;
}

int user_logout(struct call *c, const struct user_logout_in *in)
{
    int r = db_do(c, Q_session_end, ARGS(c->caller, c->session));

    (void)in;
    if (r == NOT_FOUND) /* another request was faster: ended is ended */
        return DONE;
    return r ? r : revocation_append(c, c->caller, c->session);
}

static void u64_write(unsigned char *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(v >> 8 * i);
}

int revocation_event(struct call *c, struct event *ret)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    unsigned char *ids = arena_alloc(&c->arena, REVOCATIONS_LISTED * sizeof(uint64_t));
    uint32_t listed = 0;
    int r = db_rows(c, Q_revocation_newest, ARGS(REVOCATIONS_LISTED), &rows);

    if (r)
        return r;
    /* one row with a NULL session when nothing is listed */
    for (int i = 0; i < rows_count(rows) && !rows_null(rows, i, 1); i++)
        u64_write(ids + sizeof(uint64_t) * listed++, (uint64_t)rows_i64(rows, i, 1));
    *ret = (struct event){
        .topic = "session",
        .what = EVENT_REVOKED,
        .attempt = listed,
        .cursor = (uint64_t)rows_i64(rows, 0, 0),
        .data = (const char *)ids,
        .size = listed * sizeof(uint64_t),
    };
    return DONE;
}

int revocation_tick(struct call *c)
{
    struct event e;
    int r = revocation_event(c, &e);

    if (!r)
        daemon_publish(c->daemon, &e);
    return r;
}

int session_sweep(struct call *c)
{
    static const int sweeps[] = {Q_session_sweep, Q_revocation_sweep, Q_login_failure_sweep};

    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        int r = db_do(c, sweeps[i], NO_ARGS);
        if (r && r != NOT_FOUND)
            return r;
    }
    return DONE;
}
