#pragma once
/*
 * Against guessing: after 10 failures within 15 minutes an address is locked for 30 seconds, and
 * after each further failure for twice as long, at most 15 minutes; 15 minutes behind the last lock
 * all is forgotten.  While it is locked the right password is refused like any other.  Addresses
 * count with or without an account, by their SHA-256, so that neither an answer, nor its time, nor
 * what is stored tells who has one.  Sessions and API keys are not touched.
 */
#include <stdbool.h>

struct call;

/* One try, as it was counted; arena memory. */
struct login_try {
    const char *digest, *at; /* of the address, hex; when */
    bool locked;             /* by this try */
};

/*
 * Before a password is verified, and not inside of its transaction: counts the try as a failure, so
 * that tries at the same time count, too.
 * DONE; RATE_LIMITED with retry_after while the address is locked; or what db_do() says.
 */
int login_guard_try(struct call *c, const char *address, struct login_try *ret)
    __attribute__((warn_unused_result));

/*
 * Once all that takes long about a try is done, with r as its result so far: what was not answered
 * for a fault of ours, or in time, was none of who asked, and is taken back.  Nobody learns
 * anything of a password that way.  Returns r, or TOO_LATE.
 */
int login_guard_settle(struct call *c, const struct login_try *t, int r)
    __attribute__((warn_unused_result));

/* The password was right: forgets the address' failures, this try among them. */
int login_guard_clear(struct call *c, const char *address) __attribute__((warn_unused_result));

/* Whether the address is locked now, by the try that was counted last.  DONE or a fault. */
int login_guard_locked(struct call *c, const char *address, bool *ret)
    __attribute__((warn_unused_result));
