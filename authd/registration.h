#pragma once
/* Who may make an account: everybody, the invited, nobody; and of which domains. */
#include <stdbool.h>
#include <stdint.h>

struct call;

struct registration {
    const char *mode;    /* "open", "invite" or "closed" */
    const char *domains; /* separated by commas, "" all */
    const char *totp;    /* who needs a second factor: "off", "admins" or "all" */
};

/* The rules in force: what admins have set, else the settings.  Strings live as long as the call.
 */
int registration_read(struct call *c, struct registration *ret) __attribute__((warn_unused_result));

bool registration_is_mode(const char *mode);
/* Domain names, separated by commas; an empty list is one, too. */
bool registration_is_domains(const char *list);

/*
 * In prepare: whether this address may register with this invitation (NULL: none).
 * DONE; FORBIDDEN, or BAD_INPUT with a field, or what db_get() says.
 */
int registration_check(struct call *c, const char *address, const char *invite)
    __attribute__((warn_unused_result));

/* Whether an account may move from one address to another: by the domains that may register, unless
 * it stays where it is.  DONE or FORBIDDEN, or what db_get() says. */
int registration_move(struct call *c, const char *from, const char *to)
    __attribute__((warn_unused_result));

/* In apply: uses the invitation up for the account; BAD_INPUT when somebody was faster. */
int registration_use(struct call *c, const char *address, const char *invite, int64_t account)
    __attribute__((warn_unused_result));
