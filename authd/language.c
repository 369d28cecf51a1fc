/* Language tags: whether they are well-formed. */
#include "authd/language.h"

#include <string.h>

#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SUBTAG_MAX 8

bool language_is_tag(const char *tag)
{
    size_t n = strspn(tag, LETTERS);

    if (n < 2 || n > SUBTAG_MAX)
        return false;
    while (tag[n] == '-') {
        tag += n + 1;
        n = strspn(tag, LETTERS "0123456789");
        if (n < 1 || n > SUBTAG_MAX)
            return false;
    }
    return tag[n] == '\0' && n > 1;
}
