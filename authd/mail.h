#pragma once
/*
 * Mails to accounts.  A mail is a row that is written in the transaction of its cause; a thread of
 * its own (mailer.c) looks up who gets it, makes its text and hands it to the server, until that
 * has taken it.  What a mail lets somebody do (its token) is made only then, so that none rests in
 * the database; and who asks for a mail waits for nothing and learns nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#include "authd/mail/letter.h"

struct authd;
struct call;
struct db;

/* Whether there is a way for mails at all. */
bool mail_is_on(const struct call *c);

/*
 * In apply, or where the call has no transaction: a mail for an account (0: for whoever has the
 * address), to its address, or to another one (NULL: its own).  details: what its words say of what
 * happened, NULL: nothing.  Nothing is done where mail is off, nor when the account has many of the
 * kind waiting already.
 * DONE or what db_do() says.
 */
int mail_add(struct call *c, enum mail_kind kind, int64_t account, const char *address,
             const char *details) __attribute__((warn_unused_result));

/* In apply: the same by whoever names an address, from anywhere; action: as the audit notes it.
 * DONE whether or not an account has it; BAD_INPUT for what is none, MAIL_OFF. */
int mail_ask(struct call *c, enum mail_kind kind, const char *address, const char *action)
    __attribute__((warn_unused_result));

/* Delivers one mail that is due: a relay_fn, whose state is the authd.  False: there was none. */
bool mail_deliver(void *authd, struct db *db);
