/* The operations of second factors: begun, confirmed, turned off, recovery codes. */
#include <inttypes.h>
#include <string.h>

#include "authd/admin.h"
#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/login_guard.h"
#include "authd/mail.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/recovery_code.h"
#include "authd/second_factor.h"
#include "authd/second_factor_own.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/log.h"

int totp_create(struct call *c, const struct totp_create_in *in)
{
    const struct authd *a = call_state(c);
    cleanup(totp_secret_drop) struct totp_secret secret;
    char sealed[SEALED_HEX_SIZE], base32[TOTP_BASE32_SIZE];
    cleanup(text_drop) struct text uri = {0};
    const char *address = NULL, *hash;
    int r = db_get(c, Q_account_credentials, ARGS(c->caller), INTO(&address, &hash));

    (void)in;
    totp_secret_new(&secret);
    if (!r)
        r = second_factor_seal(c, c->caller, &secret, sealed);
    if (r)
        return r;
    r = db_do(c, Q_totp_store, ARGS(c->caller, (const char *)sealed));
    if (r)
        return r == NOT_FOUND
                   ? refuse(c, CONFLICT, NULL, "a second factor is on: turn it off first")
                   : r;
    totp_uri(&secret, a->site, address, &uri);
    totp_base32(&secret, base32);
    text_putc(&c->out, '{');
    text_member_str(&c->out, "otpauth_uri", uri.data);
    text_member_str(&c->out, "secret", base32);
    text_putc(&c->out, '}');
    secret_wipe(uri.data, uri.size);
    secret_wipe(base32, sizeof base32);
    return DONE;
}

/* Recovery codes in place of those before; writes the reply. */
static int codes_make(struct call *c)
{
    char code[RECOVERY_CODE_SIZE], hash[RECOVERY_HEX_SIZE];
    cleanup(text_drop) struct text hashes = {0};
    int r;

    text_puts(&c->out, "{\"recovery_codes\":[");
    for (int i = 0; i < RECOVERY_CODES; i++) {
        recovery_code_new(code);
        if (!recovery_code_hash(code, hash))
            abort();
        text_printf(&c->out, "%s\"%s\"", i ? "," : "", code);
        text_printf(&hashes, "%s%s", i ? "," : "", hash);
    }
    text_puts(&c->out, "]}");
    secret_wipe(code, sizeof code);
    r = db_do(c, Q_recovery_code_forget, ARGS(c->caller));
    return r && r != NOT_FOUND
               ? r
               : db_do(c, Q_recovery_code_store, ARGS(c->caller, (const char *)hashes.data));
}

/* Counts a try before the code is looked at, as log-ins do. */
static int code_try(struct call *c)
{
    const char *address = NULL, *hash;
    struct login_try try;
    int r = db_get(c, Q_account_credentials, ARGS(c->caller), INTO(&address, &hash));

    c->prepared = (void *)address;
    return r ? r : login_guard_try(c, address, &try);
}

int totp_confirm_prepare(struct call *c, const struct totp_confirm_in *in)
{
    (void)in;
    return code_try(c);
}

static int code_refused(struct call *c)
{
    int r = audit(c, "code_wrong", c->caller, "", "");

    return r ? r : refuse(c, BAD_INPUT, "code", "code: is wrong, or was used already");
}

int totp_confirm(struct call *c, const struct totp_confirm_in *in)
{
    int r = second_factor_use(c, c->caller, false, in->code);

    if (r == NOT_FOUND)
        return refuse(c, CONFLICT, NULL, "there is nothing to confirm");
    if (r == TOTP_WRONG)
        return code_refused(c);
    if (!r)
        r = codes_make(c);
    if (!r)
        r = login_guard_clear(c, c->prepared);
    if (!r)
        r = account_doubt(c, c->caller);
    if (!r)
        r = audit(c, "factor_on", c->caller, "", "");
    if (!r)
        r = mail_add(c, MAIL_factor_on, c->caller, NULL, NULL);
    if (!r)
        log_line(LOG_LEVEL_NOTICE, "event=second_factor_on account=%" PRId64, c->caller);
    return r;
}

/* Before the second factor changes: the password, or else a code, which apply looks at. */
static int owner_prepare(struct call *c, const char *password, const char *code)
{
    const char *hash, *address = NULL;
    int r;

    if (!password && !code)
        return refuse(c, BAD_INPUT, "password", "password: is needed, or a code");
    if (password && code)
        return refuse(c, BAD_INPUT, "code", "code: not with the password, too");
    if (code)
        return code_try(c);
    r = password_confirm(c, password, "password", &hash, &address);
    c->prepared = (void *)address;
    return r;
}

static int owner_check(struct call *c, const char *code)
{
    int r = code ? second_factor_check(c, c->caller, code) : DONE;

    if (r == TOTP_WRONG)
        return code_refused(c);
    return r ? r : login_guard_clear(c, c->prepared);
}

int totp_delete_prepare(struct call *c, const struct totp_delete_in *in)
{
    return owner_prepare(c, in->has_password ? in->password : NULL, in->has_code ? in->code : NULL);
}

int totp_delete(struct call *c, const struct totp_delete_in *in)
{
    int r = owner_check(c, in->has_code ? in->code : NULL);

    if (!r)
        r = second_factor_remove(c, c->caller);
    return r == NOT_FOUND ? DONE : r; /* off is off */
}

int recovery_code_renew_prepare(struct call *c, const struct recovery_code_renew_in *in)
{
    return owner_prepare(c, in->has_password ? in->password : NULL, in->has_code ? in->code : NULL);
}

int recovery_code_renew(struct call *c, const struct recovery_code_renew_in *in)
{
    const char *sealed;
    int64_t last;
    int r = db_get(c, Q_totp_take, ARGS(c->caller, true), INTO(&sealed, &last));

    if (r)
        return r == NOT_FOUND ? refuse(c, CONFLICT, NULL, "there is no second factor") : r;
    r = owner_check(c, in->has_code ? in->code : NULL);
    if (!r)
        r = codes_make(c);
    return r ? r : audit(c, "recovery_codes_made", c->caller, "", "");
}
