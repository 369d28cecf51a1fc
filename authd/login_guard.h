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

/*
 * Before a password is verified, and not inside of its transaction: counts the try as a failure, so
 * that tries at the same time count, too.
 * DONE; RATE_LIMITED with retry_after while the address is locked; or what db_do() says.
 */
int login_guard_try(struct call *c, const char *address) __attribute__((warn_unused_result));

/* The password was right: forgets the address' failures, this try among them. */
int login_guard_clear(struct call *c, const char *address) __attribute__((warn_unused_result));

/* Whether the address is locked now, by the try that was counted last.  DONE or a fault. */
int login_guard_locked(struct call *c, const char *address, bool *ret)
    __attribute__((warn_unused_result));
