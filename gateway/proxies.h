#pragma once
/*
 * Proxies in front of us, and who is behind them.  What X-Forwarded-For and X-Forwarded-Proto say
 * counts only when the connection comes from an address that the setting TRUSTED_PROXIES names.
 */
#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/http.h"

#define ADDRESS_TEXT_MAX 48 /* bytes of an IPv4 or IPv6 address as text, with NUL */

struct proxies;

/* list: IPv4 or IPv6 addresses, or networks ("10.0.0.0/8"), separated by commas or blanks.
 * DONE; BAD_INPUT with *reterr_item pointing at the first that is none. */
int proxies_new(const char *list, struct proxies **ret, const char **reterr_item)
    __attribute__((warn_unused_result));
void proxies_drop(struct proxies **p);

/*
 * The client's address as text, and whether it came over TLS.  From a trusted peer the address is
 * the last one in X-Forwarded-For that is not itself trusted; one that is no address ends the
 * search, so what a client made up is never reached.  Returns whether the peer is trusted.
 */
bool proxies_client(const struct proxies *p, const struct http_request *r,
                    char ret_address[ADDRESS_TEXT_MAX], bool *ret_tls);

/* Whether an address is that of a trusted proxy. */
bool proxies_trust(const struct proxies *p, const char *address);

/* The part of an address that one client has for itself: all of IPv4, the first 64 bits of IPv6. */
void address_group(const char *address, char ret[ADDRESS_TEXT_MAX]);

/* Whether it is this machine's own: 127.0.0.0/8 or ::1. */
bool address_is_loopback(const char *address);
