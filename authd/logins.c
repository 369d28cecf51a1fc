/* Logging in: an address and a password for a session. */
#include <string.h>

#include "authd/address.h"
#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/login_guard.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/second_factor.h"
#include "authd/sessions.h"
#include "common/call.h"
#include "common/db.h"

/* What user_login_prepare() found; decided on in user_login(), inside the transaction. */
struct login {
    int64_t account;
    const char *hash;     /* the account's, as verified */
    const char *new_hash; /* when the cost has risen since, else NULL */
    bool is_disabled, is_void, is_verified, matches;
};

static int cookie_check(struct call *c, const struct user_login_in *in)
{
    if (!in->has_cookie || !in->cookie || (in->has_own_page && in->own_page))
        return DONE;
    return refuse(c, BAD_INPUT, "cookie",
                  "cookie: only for pages of this site, over HTTPS or on this machine");
}

/* Says nothing yet: a wrong password and an unknown address take the same steps from here on. */
int user_login_prepare(struct call *c, const struct user_login_in *in)
{
    const struct authd *a = call_state(c);
    struct login *l = arena_alloc(&c->arena, sizeof *l);
    char key[ADDRESS_MAX + 1];
    struct login_try try;
    int64_t old_rounds = 0;
    int r = cookie_check(c, in);

    if (!r)
        r = login_guard_try(c, in->email, &try);
    if (r)
        return r;
    address_key(in->email, key);
    r = db_get(
        c, Q_account_by_address, ARGS(key),
        INTO(&old_rounds, &l->account, &l->hash, &l->is_disabled, &l->is_void, &l->is_verified));
    if (!r)
        r = account_verify(c, l->hash, old_rounds, in->password);
    l->matches = r == DONE;
    if (l->matches && password_is_outdated(l->hash, &a->cost))
        r = account_hash(c, in->password, &l->new_hash);
    r = login_guard_settle(c, &try, r);
    c->prepared = l;
    return r == BAD_LOGIN ? DONE : r;
}

static int login_accept(struct call *c, const struct login *l, const struct user_login_in *in)
{
    struct session_start start = {.account = l->account,
                                  .password_hash = l->new_hash ? l->new_hash : l->hash,
                                  .device = in->has_user_agent ? in->user_agent : "",
                                  .by_cookie = in->has_cookie && in->cookie};
    int r = DONE;

    if (l->new_hash)
        r = db_do(c, Q_account_rehash, ARGS(l->account, l->hash, l->new_hash));
    if (r)
        return r == NOT_FOUND ? BAD_LOGIN : r;
    return session_open(c, &start);
}

static int login_refused(struct call *c, const struct login *l, const char *why, const char *said)
{
    int r = audit(c, "login_refused", l->account, "", why);

    return r ? r : refuse(c, FORBIDDEN, NULL, "%s", said);
}

static int login_failed(struct call *c, const struct login *l, const char *address)
{
    bool locked = false;
    int r = login_guard_locked(c, address, &locked);

    if (!r)
        r = audit(c, locked ? "login_locked" : "login_failed", l->account, "", "");
    return r ? r : BAD_LOGIN;
}

static int code_failed(struct call *c, const struct login *l)
{
    int r = audit(c, "login_code_wrong", l->account, "", "");

    return r ? r : TOTP_WRONG;
}

int user_login(struct call *c, const struct user_login_in *in)
{
    const struct authd *a = call_state(c);
    const struct login *l = c->prepared;
    int r;

    if (!l->matches)
        return login_failed(c, l, in->email);
    if (l->is_disabled) /* said only to who knows the password */
        return login_refused(c, l, "disabled", "this account is disabled");
    if (l->is_void)
        return login_refused(c, l, "password voided",
                             "this account needs a new password: ask for a reset");
    if (a->verification_required && !l->is_verified)
        return EMAIL_UNVERIFIED;
    r = second_factor_ask(c, l->account, in->has_totp_code ? in->totp_code : NULL);
    if (r == TOTP_WRONG)
        return code_failed(c, l);
    if (!r) /* not before: who knows the password alone would have as many codes as they like */
        r = login_guard_clear(c, in->email);
    return r ? r : login_accept(c, l, in);
}
