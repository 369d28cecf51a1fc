#pragma once
/* What the person at the console is asked and told. */
#include <stdbool.h>

#define PASSWORD_MAX 512

/* Says what failed, and why (NULL: nothing more); returns EXIT_FAILURE. */
int console_fail(const char *what, const char *why);

/* From a terminal without showing it, else the first line.  False: there is none, or it is too
 * long. */
bool password_ask(char ret[PASSWORD_MAX]) __attribute__((warn_unused_result));
