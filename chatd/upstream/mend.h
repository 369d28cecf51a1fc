#pragma once
/*
 * Text from a provider, made fit for us: what is not a Unicode scalar value, or is NUL, becomes
 * U+FFFD, so that one bad token does not cost the whole answer.
 */
#include <stddef.h>

struct text;

/*
 * Mends a JSON text: invalid UTF-8, lone surrogate escapes and \u0000.  *data and *size become the
 * mended text; it lies in scratch if something had to change.
 */
void mend_json(struct text *scratch, const char **data, size_t *size);

/*
 * Makes one line of at most capacity - 1 bytes out of foreign text: invalid UTF-8 becomes U+FFFD,
 * control characters become spaces, and every occurrence of secret becomes "[key]" (secret may be
 * NULL; shorter than 8 bytes it is no secret).  Cut at a code point.
 */
void mend_line(char *ret, size_t capacity, const char *s, size_t size, const char *secret);

/* Copies the leading characters of an id that are printable ASCII without spaces and quotes. */
void mend_id(char *ret, size_t capacity, const char *s, const char *secret);
