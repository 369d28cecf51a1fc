/* Deleting accounts: here at once, elsewhere by the outbox, with a receipt. */
#include "authd/erasure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "authd/audit.h"
#include "authd/login_guard.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/revocations.h"
#include "authd/second_factor.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/log.h"

#define RECEIPT_BYTES 32
#define RECEIPT_SIZE  44 /* of its text, with NUL */

/* Who keeps something of accounts, those first whose part shows; each gets a line of events of its
 * own, so that none waits for another.  erasure.def knows the objects. */
static const struct {
    enum op_id op;
    const char *object;
} keepers[] = {
    {OP_chat_account_erase, "chat of account:"},
    {OP_project_account_erase, "project of account:"},
    {OP_file_account_erase, "files of account:"},
    {OP_file_account_copies, "copies of account:"},
};

static int erase_elsewhere(struct call *c, int64_t account)
{
    char data[64], id[24], object[48];
    struct params params = {.data = data, .capacity = sizeof data};
    int r = DONE;

    snprintf(id, sizeof id, "%" PRId64, account);
    if (!params_add(&params, "account_id", id, strlen(id)))
        return FAULT("an account id does not fit");
    for (size_t i = 0; !r && i < sizeof keepers / sizeof *keepers; i++) {
        snprintf(object, sizeof object, "%s%s", keepers[i].object, id);
        r = outbox_add(c, keepers[i].op, object, &params);
    }
    return r;
}

/* Somebody must be left who can let people in; on the console one can make the next one. */
static int last_admin_check(struct call *c, int64_t account, bool is_admin)
{
    int64_t others = 0;
    int r = is_admin && c->caller ? db_get(c, Q_account_other_admins, ARGS(account), INTO(&others))
                                  : DONE;

    if (r || !is_admin || !c->caller || others)
        return r;
    return refuse(c, CONFLICT, NULL, "the last admin cannot go: give somebody else the role first");
}

static int do_any(struct call *c, int query, size_t n, const struct arg *args)
{
    int r = db_do(c, query, n, args);

    return r == NOT_FOUND ? DONE : r;
}

/* All that this schema has of it; gateways hear of its sessions and keys. */
static int erase_here(struct call *c, int64_t account, const char *address)
{
    cleanup(rows_drop) struct pg_result *live = NULL;
    int r = db_rows(c, Q_account_live, ARGS(account), &live);

    if (!r)
        r = login_guard_clear(c, address);
    if (!r)
        r = do_any(c, Q_account_invites_forget, ARGS(account, address));
    if (!r)
        r = do_any(c, Q_account_mails_forget, ARGS(address));
    if (!r)
        r = do_any(c, Q_account_repeats_forget, ARGS(account));
    if (!r)
        r = do_any(c, Q_audit_origin_forget, ARGS(account));
    if (!r)
        r = db_do(c, Q_account_remove, ARGS(account));
    return r ? r : revocations_append(c, live);
}

static int receipt_make(struct call *c, int64_t account)
{
    unsigned char bytes[RECEIPT_BYTES];
    char receipt[RECEIPT_SIZE];

    random_bytes(bytes, sizeof bytes);
    base64url_encode(bytes, sizeof bytes, receipt);
    c->location = arena_printf(&c->arena, "/users/erasures/%s", receipt);
    return db_one(c, Q_erasure_insert, ARGS(account, (const char *)receipt, c->caller));
}

int account_erase(struct call *c, int64_t account, const char *hash)
{
    const char *address = NULL, *now = NULL;
    bool is_admin = false;
    int r = db_get(c, Q_account_erase_lock, ARGS(account), INTO(&address, &now, &is_admin));

    if (r)
        return r;
    if (hash && strcmp(hash, now) != 0)
        return refuse(c, CONFLICT, "password", "the password was changed at the same time");
    r = last_admin_check(c, account, is_admin);
    if (!r)
        r = erase_here(c, account, address);
    if (!r)
        r = erase_elsewhere(c, account);
    if (!r)
        r = receipt_make(c, account);
    if (!r)
        r = audit(c, "account_deleted", account, "", "");
    if (!r)
        log_line(LOG_LEVEL_NOTICE, "event=account_deleted account=%" PRId64 " by=%" PRId64, account,
                 c->caller);
    return r;
}

/* An account that is gone by now is decided on in user_delete(): a repeat finds its first answer.
 */
int user_delete_prepare(struct call *c, const struct user_delete_in *in)
{
    const char *hash = NULL, *address;
    int r = password_confirm(c, in->password, "password", &hash, &address);

    c->prepared = (void *)hash;
    return r == NOT_FOUND ? DONE : r;
}

static int code_failed(struct call *c)
{
    int r = audit(c, "code_wrong", c->caller, "", "");

    return r ? r : TOTP_WRONG;
}

/* Refusals are committed: all that is written before one is that it was. */
int user_delete(struct call *c, const struct user_delete_in *in)
{
    int r = c->prepared ? second_factor_ask(c, c->caller, in->has_totp_code ? in->totp_code : NULL)
                        : UNAUTHORIZED;

    if (r)
        return r == TOTP_WRONG ? code_failed(c) : r;
    c->cookie = "-";
    return account_erase(c, c->caller, c->prepared);
}

int erasure_tick(struct call *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, Q_erasure_settle, NO_ARGS, &rows);

    for (int i = 0; !r && i < rows_count(rows); i++) {
        if (!rows_bool(rows, i, 1))
            continue;
        r = audit(c, "account_erased", rows_i64(rows, i, 0), "", "");
        log_line(LOG_LEVEL_NOTICE, "event=account_erased account=%" PRId64, rows_i64(rows, i, 0));
    }
    return r;
}
