#pragma once
/* The names of the provider's copies, and how long a failed one waits.  Pure. */
#include <stdbool.h>
#include <stdint.h>

#define COPY_NAME_MAX 96 /* with NUL */

/*
 * "cbp-<installation>-<file>-<try>", so that a copy whose answer was lost is found again in the
 * provider's list, and nobody else's is touched; then the extension of the file's name, if it is
 * one of 1 to 8 letters and digits, because the provider goes by it.
 */
void copy_name(const char *installation, int64_t file_id, int64_t try, const char *filename,
               char ret[COPY_NAME_MAX]);

/* Whether it is the name of a copy of this installation, and which. */
bool copy_name_read(const char *name, const char *installation, int64_t *ret_file_id,
                    int64_t *ret_try);

/*
 * Milliseconds until the next try after `failures` (1: the first) in a row: half a second,
 * doubling up to 5 minutes, less up to a quarter by `random`; at least what the provider asked for
 * (asked_ms, -1: nothing; at most an hour counts).
 */
int64_t copy_wait_ms(int failures, int64_t asked_ms, uint32_t random);
