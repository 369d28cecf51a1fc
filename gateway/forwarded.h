#pragma once
/* Who the client is when proxies stand in front: X-Forwarded-For, believed from our own only. */
#include "gateway/http/http.h"

#define CLIENT_MAX 45 /* bytes of an IPv4 or IPv6 address as text */

struct proxies;

/*
 * Reads a list of IPv4 addresses and networks ("127.0.0.1, 10.1.0.0/16"), at most 32.
 * DONE, or BAD_INPUT with *reterr_item the entry that is none (in list).
 */
int proxies_new(const char *list, struct proxies **ret, const char **reterr_item)
    __attribute__((warn_unused_result));
void proxies_drop(struct proxies **p);

/*
 * Writes the client's address, at most CLIENT_MAX bytes and a NUL.  It is the peer's, but where
 * that is a proxy of the list, the last address of the last X-Forwarded-For header that is not
 * itself one of the list; what is no address ends the search at the proxy that sent it.  p may be
 * NULL: no proxies.
 */
void forwarded_client(const struct proxies *p, const struct http_request *r, char *ret);
