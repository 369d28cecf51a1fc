#pragma once
/* UTF-8 (RFC 3629): validity, and cuts that keep code points whole. */
#include <stdbool.h>
#include <stddef.h>

bool text_valid(const char *text, size_t length);

/* The largest place <= `at` that does not split a code point. */
size_t text_floor(const char *text, size_t length, size_t at);
