#pragma once
/* Manual pages. */

/* Prints a text of one line into a manual page: it begins with no control character, and no
 * backslash or minus of it is lost; a line may break behind each "|". */
void roff_print(const char *text);
