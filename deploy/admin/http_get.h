#pragma once
/* One GET of the console. */
#include "common/conf.h"
#include "common/text.h"

/*
 * Asks for a URL, with a bearer token if it is not NULL; at most 256 KiB of the answer and 5 s.
 * Returns the status; 0: nobody answered, and *reterr_why says why (a constant).
 */
int http_get(const char *url, const char *token, struct text *ret_body, const char **reterr_why);
/* The same for a path of the gateway that the settings name; *ret_url: which one, with NUL. */
int gateway_get(const struct conf *conf, const char *path, struct text *ret_url,
                struct text *ret_body, const char **reterr_why);
