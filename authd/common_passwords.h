#pragma once
/* The 10,000 passwords that are tried first; where they are from is in common_passwords.md. */
#include <stdbool.h>

/* Whether it is one of them, compared without case (ASCII). */
bool password_is_common(const char *password);
