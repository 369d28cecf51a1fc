/* Rules of registration: read, checked, and invitations used up. */
#include "authd/registration.h"

#include <string.h>
#include <strings.h>

#include "authd/address.h"
#include "authd/authd.h"
#include "authd/one_time_token.h"
#include "authd/queries.h"
#include "common/call.h"
#include "common/db.h"

bool registration_is_mode(const char *mode)
{
    return strcmp(mode, "open") == 0 || strcmp(mode, "invite") == 0 || strcmp(mode, "closed") == 0;
}

bool registration_is_domains(const char *list)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

    for (const char *at = list; *at;) {
        size_t n = strspn(at, good);
        if (n == 0 || *at == '.' || *at == '-' || (at[n] && at[n] != ','))
            return false;
        at += n;
        if (*at && !*++at)
            return false;
    }
    return true;
}

int registration_read(struct call *c, struct registration *ret)
{
    const struct authd *a = call_state(c);
    int r;

    *ret = (struct registration){0};
    r = db_get(c, Q_setting_values, NO_ARGS, INTO(&ret->mode, &ret->domains, &ret->totp));
    if (!ret->mode)
        ret->mode = a->registration;
    if (!ret->domains)
        ret->domains = a->registration_domains;
    if (!ret->totp)
        ret->totp = "off";
    return r;
}

static bool domain_is_listed(const char *list, const char *domain)
{
    size_t size = strlen(domain);

    for (const char *at = list; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (n == size && strncasecmp(at, domain, n) == 0)
            return true;
        at += n;
    }
    return !*list;
}

static int invite_check(struct call *c, const char *address, const char *invite)
{
    char hash[ONE_TIME_HEX_SIZE], key[ADDRESS_MAX + 1];
    int64_t id;
    int r;

    one_time_token_hash(invite, hash);
    address_key(address, key);
    r = db_get(c, Q_invite_find, ARGS((const char *)hash, (const char *)key), INTO(&id));
    return r == NOT_FOUND ? refuse(c, BAD_INPUT, "invite", "invite: is not valid for this address")
                          : r;
}

int registration_check(struct call *c, const char *address, const char *invite)
{
    struct registration rules;
    int r = registration_read(c, &rules);

    if (r)
        return r;
    if (strcmp(rules.mode, "closed") == 0)
        return refuse(c, FORBIDDEN, NULL, "registration is closed");
    if (invite)
        return invite_check(c, address, invite);
    if (strcmp(rules.mode, "invite") == 0)
        return refuse(c, FORBIDDEN, "invite", "registration is by invitation only");
    if (!domain_is_listed(rules.domains, strchr(address, '@') + 1))
        return refuse(c, FORBIDDEN, "email", "addresses of this domain may not register");
    return DONE;
}

int registration_move(struct call *c, const char *from, const char *to)
{
    const char *domain = strchr(to, '@') + 1;
    struct registration rules;
    int r = registration_read(c, &rules);

    if (r || strcasecmp(strchr(from, '@') + 1, domain) == 0 ||
        domain_is_listed(rules.domains, domain))
        return r;
    return refuse(c, FORBIDDEN, "email", "addresses of this domain may not register");
}

int registration_use(struct call *c, const char *address, const char *invite, int64_t account)
{
    char hash[ONE_TIME_HEX_SIZE], key[ADDRESS_MAX + 1];
    int r;

    if (!invite)
        return DONE;
    one_time_token_hash(invite, hash);
    address_key(address, key);
    r = db_do(c, Q_invite_take, ARGS((const char *)hash, (const char *)key, account));
    return r == NOT_FOUND ? refuse(c, BAD_INPUT, "invite", "invite: was used already") : r;
}
