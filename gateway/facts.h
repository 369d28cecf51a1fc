#pragma once
/*
 * Facts: inputs of an operation that the gateway finds out about the request by itself (place FACT
 * in api.def), and the session cookie, which is the only one that we set or read.
 *
 *   own_page  true: a page of this site asks, and a cookie of ours is safe there
 *   cookie    the session cookie, of such a page only
 *   session   the session that the request came with
 *
 * The cookie is HttpOnly, SameSite=Strict, Secure and __Host- under TLS.  A request counts as one
 * of our own pages when its Origin is the site that it asks (RFC 6454) and Sec-Fetch-Site does not
 * say otherwise; so no page of another site can use the cookie, or plant one by logging in.
 */
#include "gateway/exchange.h"

#define COOKIE_LIFE 2592000 /* seconds, as long as a session may be idle */

/* Adds the facts that the operation asks for to x->params.  DONE, or an enum status. */
int facts_add(struct exchange *x);

/* Sets the session cookie of the reply: a value, or "-" to forget it. */
void cookie_set(struct exchange *x, const char *value);
