#pragma once
/* What a failed turn says: what went wrong, and what to do. */
#include <stdbool.h>
#include <stddef.h>

#include "proto/api.h"

/*
 * "<what>; <what to do>", valid UTF-8 if `what` is; cut in the first part if it does not fit.
 * error: one of failed.def, else it is an assert.  what: NULL or "": the status' own words.
 */
void failed_detail(char *ret, size_t capacity, enum status error, bool retryable, const char *what);
