/* Commands about accounts: the first admin, invitations, shut out, let in, reset, deleted. */
#include <stdio.h>
#include <string.h>

#include "authd/address.h"
#include "authd/admin.h"
#include "authd/audit.h"
#include "authd/erasure.h"
#include "authd/password.h"
#include "authd/queries.h"
#include "authd/second_factor.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/json.h"
#include "deploy/admin/as_authd.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"

static int account_find(struct call *c, const char *address, int64_t *ret)
{
    char key[ADDRESS_MAX + 1];

    address_key(address, key);
    return db_get(c, Q_account_id, ARGS((const char *)key), INTO(ret));
}

/* The account that the command is about. */
static int account_named(struct call *c, const struct console *con, int64_t *ret)
{
    int r = account_find(c, console_argument(con, 0), ret);

    return r == NOT_FOUND ? refuse(c, r, NULL, "there is no account with this address") : r;
}

static int account_make(struct call *c, const struct conf *conf, const char *address)
{
    const struct password_cost cost = {(uint32_t)conf_i64(conf, SET_HASH_MEMORY),
                                       (uint32_t)conf_i64(conf, SET_HASH_PASSES)};
    char password[ASKED_MAX] = "", hash[PASSWORD_HASH_MAX], key[ADDRESS_MAX + 1];
    const char *why = address_check(address);
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "%s", why);
    if (!secret_ask("Password: ", password))
        return refuse(c, BAD_INPUT, "password", "a password is needed");
    why = utf8_check(password, strlen(password)) ? password_check(password) : "is not UTF-8";
    if (why) {
        secret_wipe(password, sizeof password);
        return refuse(c, BAD_INPUT, "password", "the password %s", why);
    }
    r = password_hash(password, &cost, hash);
    secret_wipe(password, sizeof password);
    address_key(address, key);
    return r ? r
             : db_one(c, Q_account_insert, ARGS(address, (const char *)key, (const char *)hash));
}

static int create_admin(struct call *c, const struct conf *conf, const struct console *con)
{
    const char *address = console_argument(con, 0);
    const bool enabled = false;
    int64_t account = 0;
    int r = account_find(c, address, &account);

    if (r == NOT_FOUND && !(r = account_make(c, conf, address))) {
        account = c->new_id;
        r = audit(c, "registered", account, "", "");
    }
    if (!r)
        r = account_set(c, account, &enabled, "admin");
    if (!r)
        printf(con->json ? "{\"account\":%lld,\"role\":\"admin\"}\n"
                         : "account %lld is an admin's\n",
               (long long)account);
    return r;
}

int command_create_admin(const struct console *con)
{
    return as_authd(con, OP_user_register, create_admin);
}

static int shut(struct call *c, const struct console *con, bool disabled)
{
    int64_t account = 0;
    int r = account_named(c, con, &account);

    if (!r)
        r = account_set(c, account, &disabled, NULL);
    if (!r)
        printf(con->json ? "{\"account\":%lld,\"state\":\"%s\"}\n" : "account %lld is %s\n",
               (long long)account, disabled ? "disabled" : "enabled");
    return r;
}

static int disable(struct call *c, const struct conf *conf, const struct console *con)
{
    (void)conf;
    return shut(c, con, true);
}

int command_disable(const struct console *con)
{
    return as_authd(con, OP_account_update, disable);
}

static int enable(struct call *c, const struct conf *conf, const struct console *con)
{
    (void)conf;
    return shut(c, con, false);
}

int command_enable(const struct console *con)
{
    return as_authd(con, OP_account_update, enable);
}

/* A member of the reply. */
static int member_print(struct call *c, const struct console *con, const char *name)
{
    cleanup(json_drop) struct json_object *reply = NULL;
    const char *why;

    if (json_parse(c->out.data, c->out.size, &reply, &why) != DONE)
        return -1;
    printf(con->json ? "{\"%s\":\"%s\"}\n" : "%.0s%s\n", name, json_str(reply, name, ""));
    return DONE;
}

static int reset(struct call *c, const struct conf *conf, const struct console *con)
{
    int64_t account = 0;
    int r = account_named(c, con, &account);

    (void)conf;
    if (!r)
        r = account_void(c, account);
    return r ? r : member_print(c, con, "token");
}

int command_reset(const struct console *con)
{
    return as_authd(con, OP_account_reset, reset);
}

static int reset_totp(struct call *c, const struct conf *conf, const struct console *con)
{
    int64_t account = 0;
    int r = account_named(c, con, &account);

    (void)conf;
    if (!r)
        r = second_factor_remove(c, account);
    if (r == NOT_FOUND && !c->detail)
        r = refuse(c, r, NULL, "it has no second factor");
    if (!r)
        printf(con->json ? "{\"account\":%lld,\"totp\":false}\n"
                         : "account %lld has no second factor any more\n",
               (long long)account);
    return r;
}

int command_reset_totp(const struct console *con)
{
    return as_authd(con, OP_account_totp_delete, reset_totp);
}

static int invite(struct call *c, const struct conf *conf, const struct console *con)
{
    int r = invite_make(c, console_argument(con, 0), 0);

    (void)conf;
    return r ? r : member_print(c, con, "token");
}

int command_invite(const struct console *con)
{
    return as_authd(con, OP_invite_create, invite);
}

static int delete (struct call *c, const struct conf *conf, const struct console *con)
{
    int64_t account = 0;
    int r = account_named(c, con, &account);

    (void)conf;
    if (!r)
        r = account_erase(c, account, NULL);
    return r ? r : member_print(c, con, "receipt");
}

int command_delete(const struct console *con)
{
    return as_authd(con, OP_account_delete, delete);
}
