/* Accounts: who may use the platform, and how they prove it. */
#include <string.h>

#include "authd/address.h"
#include "authd/authd.h"
#include "authd/queries.h"
#include "authd/sessions.h"
#include "common/call.h"
#include "common/db.h"
#include "common/digest.h"

/* What user_login_prepare() found; decided on in user_login(), inside the transaction. */
struct login {
    int64_t account;
    const char *hash;     /* the account's, as verified */
    const char *new_hash; /* when the cost has risen since, else NULL */
    bool is_disabled, matches;
};

static char *hash_new(struct call *c, const char *password, int *ret)
{
    const struct authd *a = call_state(c);
    char *hash = arena_alloc(&c->arena, PASSWORD_HASH_MAX);

    *ret = password_hash(password, &a->cost, hash);
    return *ret ? NULL : hash;
}

/* Whether the address is taken is asked only by the INSERT: a repeat of the request must find its
 * own result before it finds its own account. */
int user_register_prepare(struct call *c, const struct user_register_in *in)
{
    const char *why = address_check(in->email);
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "email: %s", why);
    why = password_check(in->password);
    if (why)
        return refuse(c, BAD_INPUT, "password", "password: %s", why);
    c->prepared = hash_new(c, in->password, &r);
    return r;
}

int user_register(struct call *c, const struct user_register_in *in)
{
    const char *hash = c->prepared;
    char key[ADDRESS_MAX + 1];
    int r;

    address_key(in->email, key);
    r = db_one(c, Q_account_insert, ARGS(in->email, key, hash));
    if (r == CONFLICT)
        return refuse(c, r, "email", "an account with this address exists");
    return r;
}

/* Says nothing yet: a wrong password and an unknown address take the same steps from here on. */
int user_login_prepare(struct call *c, const struct user_login_in *in)
{
    const struct authd *a = call_state(c);
    struct login *l = arena_alloc(&c->arena, sizeof *l);
    char key[ADDRESS_MAX + 1];
    int r;

    if (in->has_cookie && in->cookie && !(in->has_own_page && in->own_page))
        return refuse(c, BAD_INPUT, "cookie",
                      "cookie: only for pages of this site, over HTTPS or on this machine");
    address_key(in->email, key);
    r = db_get(c, Q_account_by_address, ARGS(key), INTO(&l->account, &l->hash, &l->is_disabled));
    if (r && r != NOT_FOUND)
        return r;
    r = password_verify(l->hash ? l->hash : a->nobody, in->password);
    if (r < 0)
        return r;
    l->matches = r == DONE && l->hash;
    r = DONE;
    if (l->matches && password_is_outdated(l->hash, &a->cost))
        l->new_hash = hash_new(c, in->password, &r);
    c->prepared = l;
    return r;
}

/* Failures are counted by the SHA-256 of the address, with or without an account: what is stored,
 * and how long that takes, tells nothing about who exists. */
static void address_digest(const char *address, char ret[2 * DIGEST_SIZE + 1])
{
    char key[ADDRESS_MAX + 1];
    unsigned char digest[DIGEST_SIZE];

    address_key(address, key);
    digest_sha256(key, strlen(key), digest);
    hex_encode(digest, sizeof digest, ret);
}

static int login_accept(struct call *c, const struct login *l, const char *digest,
                        const struct user_login_in *in)
{
    struct session_start start = {.account = l->account,
                                  .password_hash = l->new_hash ? l->new_hash : l->hash,
                                  .device = in->has_user_agent ? in->user_agent : "",
                                  .by_cookie = in->has_cookie && in->cookie};
    int r = db_do(c, Q_login_failure_clear, ARGS(digest));

    if (r && r != NOT_FOUND)
        return r;
    if (l->new_hash) {
        r = db_do(c, Q_account_rehash, ARGS(l->account, l->hash, l->new_hash));
        if (r)
            return r == NOT_FOUND ? BAD_LOGIN : r;
    }
    return session_open(c, &start);
}

int user_login(struct call *c, const struct user_login_in *in)
{
    const struct login *l = c->prepared;
    char digest[2 * DIGEST_SIZE + 1];
    int r;

    address_digest(in->email, digest);
    if (!l->matches) {
        r = db_do(c, Q_login_failure_count, ARGS(digest, c->address));
        return r ? r : BAD_LOGIN;
    }
    if (l->is_disabled) /* said only to who knows the password */
        return refuse(c, FORBIDDEN, NULL, "this account is disabled");
    return login_accept(c, l, digest, in);
}
