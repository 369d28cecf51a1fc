#pragma once
/*
 * The audit: who did what to which account, when.  An entry is part of its cause's transaction, so
 * that neither is there without the other; audit_chain.h appends it to the chain a moment later.
 */
#include <stdint.h>

struct call;

/*
 * Adds an entry to the call's transaction (without one: by itself).  The actor is the caller, or
 * where nobody is logged in yet the account; 0 on the console.
 * action: "key_made"; account: whom it concerns, 0: the platform; object: "key:5" or ""; detail: a
 * word or two without control characters, never what people wrote, or "".
 */
int audit(struct call *c, const char *action, int64_t account, const char *object,
          const char *detail) __attribute__((warn_unused_result));
/* The same for an object that has a number: kind "key" and 5 make "key:5". */
int audit_of(struct call *c, const char *action, int64_t account, const char *kind, int64_t id,
             const char *detail) __attribute__((warn_unused_result));
/* What somebody, who need not be the owner, asked for whoever has the address (as compared); the
 * same work whether or not an account has it. */
int audit_asked(struct call *c, const char *action, const char *address_key)
    __attribute__((warn_unused_result));
