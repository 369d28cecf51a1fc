#pragma once
/*
 * E-mail addresses: which ones we take, and when two are the same.
 *
 * Taken is the plain form that mail providers hand out (RFC 5321 Mailbox with a Dot-string): ASCII
 * only, no quoted local part, no address literal, a domain with a dot or "localhost".
 * An internationalised domain is written in its ASCII form (xn--...).
 * Two addresses are the same when they are equal after lowering A-Z, in both parts.
 */
#define ADDRESS_MAX 254 /* bytes (RFC 5321, 4.5.3.1.3 without the angle brackets) */

/* NULL when the address is one that we take, else why not, as a short text for people. */
const char *address_check(const char *address);

/*
 * The form in which addresses are compared and stored uniquely.  Takes any string, so that a login
 * with something that is no address fails like any other; what is beyond ADDRESS_MAX is cut off.
 */
void address_key(const char *address, char ret[ADDRESS_MAX + 1]);
