/* Administration of accounts: shut out, let in, given a role, a reset, an invitation. */
#include "authd/admin.h"

#include <string.h>

#include "authd/address.h"
#include "authd/audit.h"
#include "authd/one_time_token.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/revocations.h"
#include "authd/sessions.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/log.h"

#define INVITES_MAX 1000 /* open ones */

int account_doubt(struct call *c, int64_t account)
{
    cleanup(rows_drop) struct pg_result *live = NULL;
    int r = db_rows(c, Q_account_live, ARGS(account), &live);

    return r ? r : revocations_append(c, live);
}

int account_set(struct call *c, int64_t account, const bool *disabled, const char *role)
{
    int r = db_do(c, Q_account_change,
                  ARGS(account, arg_bool_if(disabled != NULL, disabled && *disabled), role));

    if (!r && disabled && *disabled)
        r = sessions_end(c, account, 0);
    if (!r)
        r = account_doubt(c, account);
    if (!r && disabled)
        r = audit(c, *disabled ? "account_disabled" : "account_enabled", account, "", "");
    if (!r && role)
        r = audit(c, "role_changed", account, "", role);
    if (!r)
        log_line(LOG_LEVEL_NOTICE, "event=account_changed account=%lld by=%lld disabled=%s role=%s",
                 (long long)account, (long long)c->caller,
                 !disabled   ? "-"
                 : *disabled ? "yes"
                             : "no",
                 role ? role : "-");
    return r;
}

int account_void(struct call *c, int64_t account)
{
    cleanup(one_time_token_drop) struct one_time_token token;
    int r = db_do(c, Q_account_void, ARGS(account));

    one_time_token_new(&token);
    if (!r)
        r = password_renewed(c, account, 0);
    if (!r)
        r = db_one(c, Q_reset_insert,
                   ARGS(account, (const char *)token.hash, (const char *)token.text));
    if (!r)
        r = audit(c, "password_voided", account, "", "");
    if (!r)
        log_line(LOG_LEVEL_NOTICE, "event=password_reset account=%lld by=%lld", (long long)account,
                 (long long)c->caller);
    return r;
}

int invite_make(struct call *c, const char *address, int64_t days)
{
    cleanup(one_time_token_drop) struct one_time_token token;
    const char *why = address ? address_check(address) : NULL;
    char key[ADDRESS_MAX + 1] = "";
    int64_t count = 0;
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "email: %s", why);
    if (address)
        address_key(address, key);
    r = db_get(c, Q_invite_count, NO_ARGS, INTO(&count));
    if (!r && count >= INVITES_MAX)
        r = refuse(c, LIMIT_REACHED, NULL, "at most %d open invitations", INVITES_MAX);
    if (r)
        return r;
    one_time_token_new(&token);
    r = db_one(c, Q_invite_insert,
               ARGS(c->caller, (const char *)token.hash, address ? (const char *)key : NULL,
                    arg_i64_if(days > 0, days), (const char *)token.text));
    return r ? r : audit_of(c, "invite_made", 0, "invite", c->new_id, "");
}
