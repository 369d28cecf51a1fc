#pragma once
/*
 * Codes that change with the time: TOTP (RFC 6238) as the usual apps make them, SHA-1, six digits,
 * a step of 30 seconds.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOTP_SECRET_SIZE 20 /* bytes, as RFC 4226 recommends */
#define TOTP_BASE32_SIZE 33 /* of a secret as text, with NUL */
#define TOTP_STEP_S      30
#define TOTP_DIGITS      6

struct text;

struct totp_secret {
    unsigned char bytes[TOTP_SECRET_SIZE];
};

void totp_secret_new(struct totp_secret *ret);
/* For cleanup(): wipes it. */
void totp_secret_drop(struct totp_secret *s);

/* The code of a time step (seconds since the epoch / TOTP_STEP_S). */
void totp_code(const struct totp_secret *s, int64_t step, char ret[TOTP_DIGITS + 1]);

/* Whether the code is that of the time `now` (seconds since the epoch), or of one step before or
 * after, as clocks differ.  *ret_step: which one. */
bool totp_matches(const struct totp_secret *s, const char *code, int64_t now, int64_t *ret_step);

/* The secret as apps take it from a keyboard, and from a QR code: otpauth://totp/SITE:ADDRESS?...
 */
void totp_base32(const struct totp_secret *s, char ret[TOTP_BASE32_SIZE]);
void totp_uri(const struct totp_secret *s, const char *site, const char *address, struct text *to);
