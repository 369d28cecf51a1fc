/* TOTP: secrets, codes, and the address that apps read them from; over liboath. */
#include "authd/totp.h"

#include <liboath/oath.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/text.h"

#define SKEW 1 /* steps that the app's clock may be off */

/* liboath fails here only without memory, or on arguments that are wrong: ours are not. */
static void must(int r)
{
    if (r != OATH_OK)
        abort();
}

void totp_secret_new(struct totp_secret *ret)
{
    random_bytes(ret->bytes, sizeof ret->bytes);
}

void totp_secret_drop(struct totp_secret *s)
{
    secret_wipe(s, sizeof *s);
}

void totp_code(const struct totp_secret *s, int64_t step, char ret[TOTP_DIGITS + 1])
{
    must(oath_hotp_generate((const char *)s->bytes, sizeof s->bytes, (uint64_t)step, TOTP_DIGITS,
                            false, OATH_HOTP_DYNAMIC_TRUNCATION, ret));
}

bool totp_matches(const struct totp_secret *s, const char *code, int64_t now, int64_t *ret_step)
{
    char wanted[TOTP_DIGITS + 1];
    bool found = false;

    if (strlen(code) != TOTP_DIGITS)
        return false;
    for (int64_t step = now / TOTP_STEP_S - SKEW; step <= now / TOTP_STEP_S + SKEW; step++) {
        totp_code(s, step, wanted);
        if (CRYPTO_memcmp(wanted, code, TOTP_DIGITS) == 0) {
            *ret_step = step; /* the newest one */
            found = true;
        }
    }
    secret_wipe(wanted, sizeof wanted);
    return found;
}

void totp_base32(const struct totp_secret *s, char ret[TOTP_BASE32_SIZE])
{
    char *text = NULL;
    size_t size = 0;

    must(oath_base32_encode((const char *)s->bytes, sizeof s->bytes, &text, &size));
    if (size >= TOTP_BASE32_SIZE)
        abort();
    memcpy(ret, text, size + 1);
    secret_wipe(text, size);
    free(text);
}

/* Percent-encoded, but for what RFC 3986 calls unreserved. */
static void uri_add(struct text *to, const char *s)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *s; s++)
        if (strchr(plain, *s))
            text_putc(to, *s);
        else
            text_printf(to, "%%%02X", (unsigned char)*s);
}

void totp_uri(const struct totp_secret *s, const char *site, const char *address, struct text *to)
{
    char secret[TOTP_BASE32_SIZE];

    totp_base32(s, secret);
    text_puts(to, "otpauth://totp/");
    uri_add(to, site);
    text_putc(to, ':');
    uri_add(to, address);
    text_printf(to, "?secret=%s&issuer=", secret);
    uri_add(to, site);
    text_printf(to, "&algorithm=SHA1&digits=%d&period=%d", TOTP_DIGITS, TOTP_STEP_S);
    secret_wipe(secret, sizeof secret);
}
