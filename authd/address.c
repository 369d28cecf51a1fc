/* E-mail addresses: syntax and comparison. */
#include "authd/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LOCAL_MAX 64
#define LABEL_MAX 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* atext of RFC 5322 */
static bool is_atom(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static const char *local_check(const char *s, size_t n)
{
    if (n == 0)
        return "nothing stands before the @";
    if (n > LOCAL_MAX)
        return "more than 64 characters before the @";
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.' && (i == 0 || i == n - 1 || s[i - 1] == '.'))
            return "a dot may not begin or end it, follow a dot, or stand before the @";
        if (s[i] != '.' && !is_atom(s[i]))
            return "holds a character that an address cannot have";
    }
    return NULL;
}

static bool is_label(const char *s, size_t n)
{
    if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && s[i] != '-')
            return false;
    return true;
}

static const char *domain_check(const char *s)
{
    const char *last = s;
    size_t labels = 0;

    for (;; labels++) {
        size_t n = strcspn(s, ".");
        if (!is_label(s, n))
            return "what follows the @ is not a domain";
        last = s;
        if (!s[n])
            break;
        s += n + 1;
    }
    if (labels == 0)
        return strcasecmp(last, "localhost") == 0 ? NULL : "the domain after the @ needs a dot";
    /* a last label of digits would be an IP address */
    return last[strspn(last, "0123456789")] ? NULL : "what follows the @ is not a domain";
}

const char *address_check(const char *address)
{
    const char *at = strchr(address, '@');
    const char *why;

    if (strlen(address) > ADDRESS_MAX)
        return "is too long";
    if (!at)
        return "is not an e-mail address: the @ is missing";
    if (strchr(at + 1, '@'))
        return "has more than one @";
    why = local_check(address, (size_t)(at - address));
    return why ? why : domain_check(at + 1);
}

void address_key(const char *address, char ret[ADDRESS_MAX + 1])
{
    size_t i = 0;

    for (; i < ADDRESS_MAX && address[i]; i++) {
        char c = address[i];
        ret[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    ret[i] = '\0';
}
