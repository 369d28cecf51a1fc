/* Sessions: opened by login, renewed by refresh tokens, ended one or all. */
#include "authd/sessions.h"

#include <string.h>
#include <time.h>

#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/mail.h"
#include "authd/queries.h"
#include "authd/refresh_token.h"
#include "authd/revocations.h"
#include "authd/signing_keys.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/log.h"
#include "common/token.h"

#define PAGE_TOKEN_SECONDS 600 /* life of an access token that a page holds */

/* Ends the account's sessions beyond the limit, those unused longest. */
static int sessions_trim(struct call *c, int64_t account)
{
    cleanup(rows_drop) struct pg_result *ended = NULL;
    int r = db_rows(c, Q_session_trim, ARGS(account, SESSIONS_MAX), &ended);

    return r ? r : revocations_append(c, ended);
}

/* The reply: an access token, and the refresh token here or in the cookie. */
static int token_reply(struct call *c, int64_t account, int64_t session, bool by_cookie,
                       const struct refresh_token *refresh)
{
    struct authd *a = call_state(c);
    cleanup(signing_key_drop) struct signing_key *key = NULL;
    int64_t now = (int64_t)time(NULL), life = a->token_seconds;
    struct token_claims claims = {.account = account, .session = session, .issued = now};
    char token[TOKEN_MAX];
    int r = authd_signer(c, &key);

    if (by_cookie && life > PAGE_TOKEN_SECONDS)
        life = PAGE_TOKEN_SECONDS;
    claims.expires = now + life;
    if (!r)
        r = token_sign(key->key, key->kid, &claims, token);
    if (r)
        return r;
    text_clear(&c->out);
    text_putc(&c->out, '{');
    text_member_str(&c->out, "access_token", token);
    text_member_str(&c->out, "token_type", "bearer");
    text_member_i64(&c->out, "expires_in", life);
    text_member_str(&c->out, "refresh_token", by_cookie ? NULL : refresh->text);
    text_putc(&c->out, '}');
    if (by_cookie)
        c->cookie = arena_strndup(&c->arena, refresh->text, strlen(refresh->text));
    secret_wipe(token, sizeof token);
    return DONE;
}

int session_open(struct call *c, const struct session_start *s)
{
    cleanup(refresh_token_drop) struct refresh_token refresh;
    int64_t session = 0;
    int r;

    refresh_token_new(&refresh);
    r = db_get(c, Q_session_insert,
               ARGS(s->account, s->password_hash, (const char *)refresh.hash, c->address,
                    (const char *)refresh.family_hash, s->device, s->by_cookie),
               INTO(&session));
    if (r == NOT_FOUND)
        r = BAD_LOGIN;
    if (!r)
        r = sessions_trim(c, s->account);
    if (!r)
        r = audit_of(c, "login", s->account, "session", session, s->by_cookie ? "cookie" : "");
    return r ? r : token_reply(c, s->account, session, s->by_cookie, &refresh);
}

/* ---- refresh ------------------------------------------------------------------------------ */

/* The session of a refresh token's family, and what this token is to it. */
struct family {
    int64_t session, account;
    bool by_cookie, is_newest, is_previous; /* previous: exchanged a moment ago */
    const char *next_sealed;
};

static int refresh_refused(struct call *c)
{
    return refuse(c, UNAUTHORIZED, NULL, "the refresh token is not valid: log in again");
}

/* Exchanges the newest token for the next one. */
static int family_rotate(struct call *c, const struct family *f, const struct refresh_token *given)
{
    cleanup(refresh_token_drop) struct refresh_token next;
    char sealed[2 * REFRESH_SEALED + 1];
    int r;

    refresh_token_next(given, &next);
    refresh_token_seal(given, &next, sealed);
    r = db_do(
        c, Q_session_rotate,
        ARGS(f->account, f->session, (const char *)next.hash, (const char *)sealed, c->address));
    return r ? r : token_reply(c, f->account, f->session, f->by_cookie, &next);
}

/* The same answer for who asked a moment ago: the token that is the newest by now. */
static int family_repeat(struct call *c, const struct family *f, const struct refresh_token *given)
{
    cleanup(refresh_token_drop) struct refresh_token next;

    if (!f->next_sealed || !refresh_token_open(given, f->next_sealed, &next))
        return refresh_refused(c);
    return token_reply(c, f->account, f->session, f->by_cookie, &next);
}

/* A token that was used up is used again: it, or its successor, is in the wrong hands, and nobody
 * can say which.  The session ends, for both. */
static int family_end(struct call *c, const struct family *f)
{
    int r = db_do(c, Q_session_end, ARGS(f->account, f->session));

    if (!r)
        r = revocation_append(c, f->account, f->session);
    if (!r)
        r = audit_of(c, "refresh_token_reused", f->account, "session", f->session, "");
    if (r)
        return r;
    log_line(LOG_LEVEL_NOTICE, "event=refresh_token_reused account=%lld session=%lld",
             (long long)f->account, (long long)f->session);
    r = mail_add(c, MAIL_session_doubted, f->account, NULL, c->address);
    if (r)
        return r;
    c->cookie = f->by_cookie ? "-" : NULL;
    return refresh_refused(c);
}

int session_refresh(struct call *c, const struct session_refresh_in *in)
{
    cleanup(refresh_token_drop) struct refresh_token given;
    struct family f = {0};
    int r;

    if (in->has_refresh_token && in->has_cookie)
        return refuse(c, BAD_INPUT, "refresh_token", "the session cookie came, too: send one");
    if (!in->has_refresh_token && !in->has_cookie)
        return refresh_refused(c);
    if (!refresh_token_read(in->has_cookie ? in->cookie : in->refresh_token, &given))
        return refresh_refused(c);
    r = db_get(
        c, Q_session_family, ARGS((const char *)given.family_hash, (const char *)given.hash),
        INTO(&f.session, &f.account, &f.by_cookie, &f.is_newest, &f.is_previous, &f.next_sealed));
    /* a cookie's token never comes in a body, nor the other way round */
    if (r == NOT_FOUND || (!r && f.by_cookie != in->has_cookie))
        return refresh_refused(c);
    if (r)
        return r;
    if (f.is_newest)
        return family_rotate(c, &f, &given);
    return f.is_previous ? family_repeat(c, &f, &given) : family_end(c, &f);
}

/* ---- ending ------------------------------------------------------------------------------- */

int user_logout(struct call *c, const struct user_logout_in *in)
{
    int r = db_do(c, Q_session_end, ARGS(c->caller, c->session));

    (void)in;
    c->cookie = "-";
    if (r == NOT_FOUND) /* another request was faster: ended is ended */
        return DONE;
    if (!r)
        r = revocation_append(c, c->caller, c->session);
    return r ? r : audit_of(c, "logout", c->caller, "session", c->session, "");
}

int session_end(struct call *c, const struct session_end_in *in)
{
    int r = db_do(c, Q_session_end, ARGS(c->caller, in->session_id));

    if (!r)
        r = revocation_append(c, c->caller, in->session_id);
    return r ? r : audit_of(c, "session_ended", c->caller, "session", in->session_id, "");
}

int sessions_end(struct call *c, int64_t account, int64_t but)
{
    cleanup(rows_drop) struct pg_result *ended = NULL;
    int r = db_rows(c, Q_sessions_end, ARGS(account, but), &ended);

    return r ? r : revocations_append(c, ended);
}

int session_end_others(struct call *c, const struct session_end_others_in *in)
{
    int r = sessions_end(c, c->caller, c->session);

    (void)in;
    return r ? r : audit(c, "sessions_ended", c->caller, "", "all others");
}

int session_sweep(struct call *c)
{
    static const int sweeps[] = {Q_session_sweep,       Q_signing_key_sweep, Q_apikey_sweep,
                                 Q_invite_sweep,        Q_reset_sweep,       Q_revocation_sweep,
                                 Q_totp_sweep,          Q_mail_sweep,        Q_email_token_sweep,
                                 Q_login_failure_sweep, Q_erasure_sweep};

    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        int r = db_do(c, sweeps[i], NO_ARGS);
        if (r && r != NOT_FOUND)
            return r;
    }
    return DONE;
}
