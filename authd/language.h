#pragma once
/* Language tags. */
#include <stdbool.h>

/*
 * Whether it is well-formed as of BCP 47 (RFC 5646, section 2.1) and names a language: a primary
 * subtag of 2 to 8 letters, then subtags of 1 to 8 letters or digits, none of them empty, and a
 * single character (as in "de-x-here") never last.  Private and grandfathered tags name none.
 * Whether the subtags are registered is not asked; length is the row's affair.
 */
bool language_is_tag(const char *tag);
