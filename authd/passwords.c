/* Passwords of accounts: hashed, verified, changed. */
#include "authd/passwords.h"

#include <string.h>

#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/login_guard.h"
#include "authd/mail.h"
#include "authd/queries.h"
#include "authd/sessions.h"
#include "common/call.h"
#include "common/db.h"

int account_hash(struct call *c, const char *password, const char **ret)
{
    const struct authd *a = call_state(c);
    char *hash = arena_alloc(&c->arena, PASSWORD_HASH_MAX);
    int r = password_hash(password, &a->cost, hash);

    if (!r)
        *ret = hash;
    return r;
}

int account_verify(struct call *c, const char *hash, int64_t old_rounds, const char *password)
{
    const struct authd *a = call_state(c);
    int r, padded;

    r = password_verify(hash ? hash : a->nobody, password);
    if (!hash && !r)
        r = BAD_LOGIN;
    if (r != BAD_LOGIN)
        return r;
    padded = password_pad(hash ? hash : a->nobody, &a->cost, (uint32_t)old_rounds, password);
    return padded ? padded : r;
}

int password_confirm(struct call *c, const char *password, const char *field, const char **ret_hash,
                     const char **ret_address)
{
    struct login_try try;
    int r = db_get(c, Q_account_credentials, ARGS(c->caller), INTO(ret_address, ret_hash));

    if (!r)
        r = login_guard_try(c, *ret_address, &try);
    if (r)
        return r;
    r = login_guard_settle(c, &try, account_verify(c, *ret_hash, 0, password));
    if (r == BAD_LOGIN) {
        r = audit(c, "password_wrong", c->caller, "", "");
        return r ? r : refuse(c, BAD_INPUT, field, "%s: is not your password", field);
    }
    return r;
}

int password_renewed(struct call *c, int64_t account, int64_t session)
{
    int r = sessions_end(c, account, session);

    return r ? r : db_do(c, Q_account_asked_forget, ARGS(account));
}

/* What password_change_prepare() leaves. */
struct change {
    const char *old_hash, *new_hash;
};

int password_change_prepare(struct call *c, const struct password_change_in *in)
{
    const char *why = password_check(in->new_password), *address = NULL;
    struct change *change = arena_alloc(&c->arena, sizeof *change);
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "new_password", "new_password: %s", why);
    if (strcmp(in->old_password, in->new_password) == 0)
        return refuse(c, BAD_INPUT, "new_password", "new_password: is the old one");
    r = password_confirm(c, in->old_password, "old_password", &change->old_hash, &address);
    if (!r)
        r = login_guard_clear(c, address);
    c->prepared = change;
    return r ? r : account_hash(c, in->new_password, &change->new_hash);
}

/* The session that asks goes on; the others end, as they may be somebody else's. */
int password_change(struct call *c, const struct password_change_in *in)
{
    const struct change *change = c->prepared;
    int r = db_do(c, Q_account_rehash, ARGS(c->caller, change->old_hash, change->new_hash));

    (void)in;
    if (r == NOT_FOUND)
        return refuse(c, CONFLICT, "old_password", "the password was changed at the same time");
    if (!r)
        r = password_renewed(c, c->caller, c->session);
    if (!r)
        r = audit(c, "password_changed", c->caller, "", "");
    return r ? r : mail_add(c, MAIL_password_changed, c->caller, NULL, NULL);
}
