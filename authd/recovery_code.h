#pragma once
/* Recovery codes: 80 random bits that take the place of an app's code once, stored as SHA-256. */
#include <stdbool.h>

#include "common/digest.h"

#define RECOVERY_CODES     10 /* that an account gets at once */
#define RECOVERY_CODE_SIZE 20 /* "abcd-efgh-ijkl-mnop", with NUL */
#define RECOVERY_HEX_SIZE  (2 * DIGEST_SIZE + 1)

void recovery_code_new(char ret[RECOVERY_CODE_SIZE]);

/* Its hash, however it was typed: case, blanks and hyphens do not matter.  False: it is none. */
bool recovery_code_hash(const char *typed, char ret[RECOVERY_HEX_SIZE]);
