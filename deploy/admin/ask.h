#pragma once
/* What the person at the console is asked and told. */
#include <stdbool.h>

#define ASKED_MAX 516 /* of what is asked for, with NUL */

/* Says what failed, and why (NULL: nothing more); returns EXIT_FAILURE. */
int console_fail(const char *what, const char *why);

/* A secret, from a terminal without showing it, after `prompt`; else the first line.  False: there
 * is none, or it is too long. */
bool secret_ask(const char *prompt, char ret[ASKED_MAX]) __attribute__((warn_unused_result));
