#pragma once
/* Manual pages. */

/* Prints a text of one line into a manual page: it begins with no control character, and no
 * backslash or minus of it is lost. */
void roff_print(const char *text);
