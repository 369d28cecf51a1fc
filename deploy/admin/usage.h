#pragma once
/* What chatbot-admin says of itself. */
#include <stdio.h>

struct command;

/* --help of one command, or of all (NULL). */
void usage_print(FILE *to, const struct command *only);

/* The manual page chatbot-admin(8), as roff. */
void manual_print(void);

/* Completion of its command line, for bash. */
void completion_print(void);
