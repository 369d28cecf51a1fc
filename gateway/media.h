#pragma once
/* Media types of request bodies. */
#include <stdbool.h>

/* Whether a Content-Type is application/json, in UTF-8 if it names a charset; NULL is not. */
bool media_is_json(const char *content_type);

/* Whether an Accept header names that type itself (not "*"), with a weight other than 0 (RFC 9110,
 * section 12.5.1); NULL does not. */
bool media_accepts(const char *accept, const char *type);
