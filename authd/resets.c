/* A new password by the token of a reset: a mail that is asked for, or an admin's. */
#include "authd/audit.h"
#include "authd/login_guard.h"
#include "authd/mail.h"
#include "authd/one_time_token.h"
#include "authd/password.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/sessions.h"
#include "common/call.h"
#include "common/db.h"

int password_reset_ask(struct call *c, const struct password_reset_ask_in *in)
{
    return mail_ask(c, MAIL_reset, in->email, "reset_asked");
}

static int token_refused(struct call *c)
{
    return refuse(c, BAD_INPUT, "token", "token: is not valid, or not any more");
}

/* The token first: who has none gets no hashing done. */
int password_reset_confirm_prepare(struct call *c, const struct password_reset_confirm_in *in)
{
    const char *why = password_check(in->password), *hash = NULL;
    char token_hash[ONE_TIME_HEX_SIZE];
    int64_t account;
    int r;

    one_time_token_hash(in->token, token_hash);
    r = db_get(c, Q_reset_find, ARGS((const char *)token_hash), INTO(&account));
    if (r)
        return r == NOT_FOUND ? token_refused(c) : r;
    if (why)
        return refuse(c, BAD_INPUT, "password", "password: %s", why);
    r = account_hash(c, in->password, &hash);
    c->prepared = (void *)hash;
    return r;
}

int password_reset_confirm(struct call *c, const struct password_reset_confirm_in *in)
{
    char token_hash[ONE_TIME_HEX_SIZE];
    const char *address = NULL;
    bool by_mail = false;
    int64_t account;
    int r;

    one_time_token_hash(in->token, token_hash);
    r = db_get(c, Q_reset_take, ARGS((const char *)token_hash), INTO(&account, &by_mail));
    if (!r)
        r = db_get(c, Q_account_password_set, ARGS(account, (const char *)c->prepared),
                   INTO(&address));
    if (r)
        return r == NOT_FOUND ? token_refused(c) : r;
    r = login_guard_clear(c, address);
    if (!r && by_mail)
        r = db_do(c, Q_account_verified, ARGS(account));
    if (!r)
        r = password_renewed(c, account, 0);
    if (!r)
        r = audit(c, "password_reset", account, "", "");
    return r ? r : mail_add(c, MAIL_password_changed, account, NULL, NULL);
}
