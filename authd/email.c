/* Addresses of accounts: proved, and changed. */
#include <string.h>

#include "authd/address.h"
#include "authd/audit.h"
#include "authd/login_guard.h"
#include "authd/mail.h"
#include "authd/one_time_token.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/registration.h"
#include "common/call.h"
#include "common/db.h"
#include "common/log.h"

int email_verify_ask(struct call *c, const struct email_verify_ask_in *in)
{
    return mail_ask(c, MAIL_verify, in->email, "proof_asked");
}

static int token_refused(struct call *c)
{
    return refuse(c, BAD_INPUT, "token", "token: is not valid, or not any more");
}

/* The old address hears of it, and what was sent there does nothing any more. */
static int address_changed(struct call *c, int64_t account, const char *old, const char *new)
{
    int r = db_do(c, Q_reset_forget, ARGS(account));

    if (r && r != NOT_FOUND)
        return r;
    log_line(LOG_LEVEL_NOTICE, "event=address_changed account=%lld", (long long)account);
    return mail_add(c, MAIL_address_changed, account, old, new);
}

int email_verify(struct call *c, const struct email_verify_in *in)
{
    char hash[ONE_TIME_HEX_SIZE], key[ADDRESS_MAX + 1], old_key[ADDRESS_MAX + 1];
    const char *proved = NULL, *old = NULL;
    int64_t account = 0;
    int r;

    one_time_token_hash(in->token, hash);
    r = db_get(c, Q_email_token_find, ARGS((const char *)hash), INTO(&account, &proved, &old));
    if (r)
        return r == NOT_FOUND ? token_refused(c) : r;
    address_key(proved, key);
    address_key(old, old_key);
    r = db_do(c, Q_account_address_prove, ARGS(account, proved, (const char *)key));
    if (r == CONFLICT)
        return refuse(c, r, NULL, "another account has this address by now");
    if (r) /* of an address that is not wanted any more */
        return r == NOT_FOUND ? token_refused(c) : r;
    r = db_do(c, Q_email_token_forget, ARGS(account));
    if (!r)
        r = audit(c, strcmp(key, old_key) == 0 ? "address_proved" : "address_changed", account, "",
                  "");
    return r || strcmp(key, old_key) == 0 ? r : address_changed(c, account, old, proved);
}

int email_change_prepare(struct call *c, const struct email_change_in *in)
{
    const char *why = address_check(in->email), *address = NULL, *hash = NULL;
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "email: %s", why);
    if (!mail_is_on(c))
        return MAIL_OFF;
    r = password_confirm(c, in->password, "password", &hash, &address);
    if (!r)
        r = login_guard_clear(c, address);
    return r ? r : registration_move(c, address, in->email);
}

int email_change(struct call *c, const struct email_change_in *in)
{
    char key[ADDRESS_MAX + 1];
    int64_t id = 0, recent = 0;
    int r;

    address_key(in->email, key);
    r = db_get(c, Q_account_id, ARGS((const char *)key), INTO(&id));
    if (!r)
        return id == c->caller
                   ? refuse(c, BAD_INPUT, "email", "email: is your address already")
                   : refuse(c, CONFLICT, "email", "an account with this address exists");
    if (r == NOT_FOUND)
        r = db_get(c, Q_mail_recent, ARGS(c->caller, mail_kind_name(MAIL_address)), INTO(&recent));
    if (!r && recent >= mail_kind_limit(MAIL_address)) {
        c->retry_after = 3600;
        return refuse(c, RATE_LIMITED, NULL, "at most %d changes of address an hour",
                      mail_kind_limit(MAIL_address));
    }
    if (!r)
        r = db_do(c, Q_account_address_want, ARGS(c->caller, in->email));
    if (!r)
        r = audit(c, "address_change_asked", c->caller, "", "");
    return r ? r : mail_add(c, MAIL_address, c->caller, in->email, NULL);
}
