/* Failed log-ins: counted before they fail, locked when they are too many. */
#include "authd/login_guard.h"

#include <string.h>

#include "authd/address.h"
#include "authd/mail.h"
#include "authd/queries.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/log.h"

static const char *address_digest(struct call *c, const char *address)
{
    char key[ADDRESS_MAX + 1], hex[2 * DIGEST_SIZE + 1];
    unsigned char digest[DIGEST_SIZE];

    address_key(address, key);
    digest_sha256(key, strlen(key), digest);
    hex_encode(digest, sizeof digest, hex);
    return arena_strndup(&c->arena, hex, strlen(hex));
}

int login_guard_try(struct call *c, const char *address, struct login_try *ret)
{
    const char *digest = address_digest(c, address);
    int64_t seconds = 0;
    bool first = false;
    int r = db_get(c, Q_login_try, ARGS(digest, c->address), INTO(&ret->at, &ret->locked, &first));

    ret->digest = digest;
    if (!r && first) /* said to the address, whether or not an account has it */
        r = mail_add(c, MAIL_locked, 0, address, c->address);
    if (r != NOT_FOUND)
        return r;
    r = db_get(c, Q_login_locked, ARGS(digest), INTO(&seconds));
    if (r && r != NOT_FOUND)
        return r;
    c->retry_after = seconds > 0 ? (uint32_t)seconds : 1;
    return refuse(c, RATE_LIMITED, NULL, "too many failed log-ins with this address");
}

int login_guard_settle(struct call *c, const struct login_try *t, int r)
{
    int forgiven;

    if (r >= 0 && clock_us() <= c->deadline_us)
        return r;
    forgiven = db_do(c, Q_login_forgive, ARGS(t->digest, t->at, t->locked));
    if (!forgiven)
        log_line(LOG_LEVEL_NOTICE, "event=login_forgiven");
    return r < 0 ? r : TOO_LATE;
}

int login_guard_clear(struct call *c, const char *address)
{
    int r = db_do(c, Q_login_failure_clear, ARGS(address_digest(c, address)));

    return r == NOT_FOUND ? DONE : r;
}

int login_guard_locked(struct call *c, const char *address, bool *ret)
{
    int64_t seconds = 0;
    int r = db_get(c, Q_login_locked, ARGS(address_digest(c, address)), INTO(&seconds));

    *ret = !r && seconds > 0;
    return r == NOT_FOUND ? DONE : r;
}
