/* The operations of admins; who may call them is asked of the database once more. */
#include <string.h>

#include "authd/admin.h"
#include "authd/audit.h"
#include "authd/erasure.h"
#include "authd/queries.h"
#include "authd/registration.h"
#include "authd/revocations.h"
#include "authd/second_factor.h"
#include "authd/sessions.h"
#include "common/call.h"
#include "common/db.h"

/* The gateway said so; its memory is at most a second old. */
static int admin_check(struct call *c)
{
    int64_t id;
    int r = db_get(c, Q_admin_check, ARGS(c->caller), INTO(&id));

    return r == NOT_FOUND ? FORBIDDEN : r;
}

static int account_answer(struct call *c, int64_t account)
{
    return db_one(c, Q_account_get, ARGS(c->caller, account));
}

int account_update(struct call *c, const struct account_update_in *in)
{
    int r = admin_check(c);

    if (r)
        return r;
    if (in->has_role && strcmp(in->role, "user") != 0 && strcmp(in->role, "admin") != 0)
        return refuse(c, BAD_INPUT, "role", "role: must be user or admin");
    if (in->user_id == c->caller)
        return refuse(c, CONFLICT, NULL, "your own account is for another admin to change");
    r = account_set(c, in->user_id, in->has_disabled ? &in->disabled : NULL,
                    in->has_role ? in->role : NULL);
    return r ? r : account_answer(c, in->user_id);
}

int account_delete(struct call *c, const struct account_delete_in *in)
{
    int r = admin_check(c);

    if (r)
        return r;
    if (in->user_id == c->caller)
        return refuse(c, CONFLICT, NULL, "your own account is yours to delete, with your password");
    return account_erase(c, in->user_id, NULL);
}

int account_sessions_end(struct call *c, const struct account_sessions_end_in *in)
{
    const char *address, *hash; /* that they are there is all that counts */
    int r = admin_check(c);

    if (!r)
        r = db_get(c, Q_account_credentials, ARGS(in->user_id), INTO(&address, &hash));
    if (r)
        return r;
    r = sessions_end(c, in->user_id, in->user_id == c->caller ? c->session : 0);
    return r ? r : audit(c, "sessions_ended", in->user_id, "", "all");
}

int account_reset(struct call *c, const struct account_reset_in *in)
{
    int r = admin_check(c);

    return r ? r : account_void(c, in->user_id);
}

int account_totp_delete(struct call *c, const struct account_totp_delete_in *in)
{
    int r = admin_check(c);

    return r ? r : second_factor_remove(c, in->user_id);
}

int invite_create(struct call *c, const struct invite_create_in *in)
{
    int r = admin_check(c);

    return r ? r
             : invite_make(c, in->has_email && !in->null_email ? in->email : NULL,
                           in->has_days && !in->null_days ? in->days : 0);
}

int invite_delete(struct call *c, const struct invite_delete_in *in)
{
    int r = admin_check(c);

    if (!r)
        r = db_do(c, Q_invite_remove, ARGS(in->invite_id));
    return r ? r : audit_of(c, "invite_removed", 0, "invite", in->invite_id, "");
}

static int settings_answer(struct call *c)
{
    struct registration rules;
    int r = registration_read(c, &rules);

    if (r)
        return r;
    text_putc(&c->out, '{');
    text_member_str(&c->out, "registration", rules.mode);
    text_member_str(&c->out, "registration_domains", rules.domains);
    text_member_str(&c->out, "totp_required", rules.totp);
    text_putc(&c->out, '}');
    return DONE;
}

int setting_get(struct call *c, const struct setting_get_in *in)
{
    int64_t id;
    int r = db_get(c, Q_admin_check, ARGS(c->caller), INTO(&id));

    (void)in;
    return r == NOT_FOUND ? FORBIDDEN : r ? r : settings_answer(c);
}

/* detail: of the audit, where the value is a word of ours. */
static int setting_set(struct call *c, const char *name, const char *value, bool clear,
                       const char *detail)
{
    int r = clear ? db_do(c, Q_setting_clear, ARGS(name))
                  : db_do(c, Q_setting_store, ARGS(c->caller, name, value));

    if (r && r != NOT_FOUND)
        return r;
    return audit(c, "setting_changed", 0, name, clear ? "as in files" : detail);
}

/* Who asks it of others has one: nobody is locked out of what they have just set. */
static int totp_set(struct call *c, const char *who, bool clear)
{
    const char *sealed;
    int64_t last;
    int r = clear || strcmp(who, "off") == 0
                ? DONE
                : db_get(c, Q_totp_take, ARGS(c->caller, true), INTO(&sealed, &last));

    if (r)
        return r == NOT_FOUND
                   ? refuse(c, CONFLICT, "totp_required", "turn your own second factor on first")
                   : r;
    r = setting_set(c, "totp_required", who, clear, who);
    return r ? r : revocations_leap(c);
}

static bool is_totp_rule(const char *who)
{
    return strcmp(who, "off") == 0 || strcmp(who, "admins") == 0 || strcmp(who, "all") == 0;
}

int setting_update(struct call *c, const struct setting_update_in *in)
{
    int r = admin_check(c);

    if (r)
        return r;
    if (in->has_registration && !in->null_registration && !registration_is_mode(in->registration))
        return refuse(c, BAD_INPUT, "registration", "registration: must be open, invite or closed");
    if (in->has_registration_domains && !in->null_registration_domains &&
        !registration_is_domains(in->registration_domains))
        return refuse(c, BAD_INPUT, "registration_domains",
                      "registration_domains: must be domains, separated by commas");
    if (in->has_totp_required && !in->null_totp_required && !is_totp_rule(in->totp_required))
        return refuse(c, BAD_INPUT, "totp_required", "totp_required: must be off, admins or all");
    if (in->has_totp_required)
        r = totp_set(c, in->totp_required, in->null_totp_required);
    if (!r && in->has_registration)
        r = setting_set(c, "registration", in->registration, in->null_registration,
                        in->registration);
    if (!r && in->has_registration_domains)
        r = setting_set(c, "registration_domains", in->registration_domains,
                        in->null_registration_domains, "");
    return r ? r : settings_answer(c);
}
