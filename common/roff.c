/* Text in manual pages. */
#include "common/roff.h"

#include <stdio.h>

void roff_print(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++)
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '|')
            fputs("|\\:", stdout);
        else
            putchar(*text);
}
