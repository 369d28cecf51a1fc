#pragma once
/* One code point at a time, see utf8_check() in json.h for whole strings. */
#include <stddef.h>

/* Bytes of the valid code point that begins at p (1-4; size is at least 1), or 0 if none does
 * (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
size_t utf8_length(const unsigned char *p, size_t size);
