/* Accounts: who may use the platform. */
#include "authd/address.h"
#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/mail.h"
#include "authd/password.h"
#include "authd/passwords.h"
#include "authd/queries.h"
#include "authd/registration.h"
#include "common/call.h"
#include "common/db.h"

/* Whether the address is taken is asked only by the INSERT: a repeat of the request must find its
 * own result before it finds its own account. */
int user_register_prepare(struct call *c, const struct user_register_in *in)
{
    const char *why = address_check(in->email), *hash = NULL;
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "email: %s", why);
    why = password_check(in->password);
    if (why)
        return refuse(c, BAD_INPUT, "password", "password: %s", why);
    r = registration_check(c, in->email, in->has_invite ? in->invite : NULL);
    if (r)
        return r;
    r = account_hash(c, in->password, &hash);
    c->prepared = (void *)hash;
    return r;
}

int user_register(struct call *c, const struct user_register_in *in)
{
    const struct authd *a = call_state(c);
    const char *hash = c->prepared;
    char key[ADDRESS_MAX + 1];
    int r;

    address_key(in->email, key);
    r = db_one(c, Q_account_insert, ARGS(in->email, key, hash));
    if (r == CONFLICT)
        return refuse(c, r, "email", "an account with this address exists");
    if (!r)
        r = registration_use(c, in->email, in->has_invite ? in->invite : NULL, c->new_id);
    if (!r)
        r = audit(c, "registered", c->new_id, "", in->has_invite ? "invited" : "");
    return r || !a->verification_required ? r : mail_add(c, MAIL_verify, c->new_id, NULL, NULL);
}
