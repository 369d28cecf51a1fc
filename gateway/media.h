#pragma once
/* Media types of request bodies. */
#include <stdbool.h>

/* Whether a Content-Type is application/json, in UTF-8 if it names a charset; NULL is not. */
bool media_is_json(const char *content_type);
