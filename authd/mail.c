/* Mails: put down to be sent. */
#include "authd/mail.h"

#include <assert.h>

#include "authd/address.h"
#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/queries.h"
#include "common/call.h"
#include "common/db.h"
#include "common/relay.h"

#define WAITING_MAX 10 /* of one kind for one account */

/* The console knows no server: authd sends what it puts down, or throws it away. */
bool mail_is_on(const struct call *c)
{
    const struct authd *a = c->daemon ? call_state(c) : NULL;

    return !a || a->post.way != POST_OFF;
}

static void wake(struct call *c, void *unused)
{
    struct authd *a = call_state(c);

    (void)unused;
    relay_wake(a->mailer);
}

int mail_add(struct call *c, enum mail_kind kind, int64_t account, const char *address,
             const char *details)
{
    int r;

    if (!mail_is_on(c))
        return DONE;
    r = db_do(c, Q_mail_add, ARGS(mail_kind_name(kind), account, address, details, WAITING_MAX));
    if (c->daemon) {
        assert(!c->committed || c->committed == wake);
        c->committed = wake;
    }
    return r == NOT_FOUND ? DONE : r;
}

/* The same row for every address; who has the account, and whether anybody does, is found out
 * behind the answer. */
int mail_ask(struct call *c, enum mail_kind kind, const char *address, const char *action)
{
    const char *why = address_check(address);
    char key[ADDRESS_MAX + 1];
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "email: %s", why);
    if (!mail_is_on(c))
        return MAIL_OFF;
    address_key(address, key);
    r = audit_asked(c, action, key);
    return r ? r : mail_add(c, kind, 0, key, NULL);
}
