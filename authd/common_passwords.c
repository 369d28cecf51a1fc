/* The most common passwords: a sorted list in the program, searched by halves. */
#include "authd/common_passwords.h"

#include <stddef.h>
#include <string.h>

#define LONGEST 64 /* bytes; the list's own is shorter */

/* The file as it is: lines that end with '\n', sorted by bytes. */
__asm__(".pushsection .rodata\n"
        "common_passwords:\n"
        ".incbin \"authd/common_passwords.txt\"\n"
        "common_passwords_end:\n"
        ".popsection\n");
extern const char common_passwords[], common_passwords_end[];

/* Below 0: the line comes before the text; 0: it is the text. */
static int line_compare(const char *line, const char *text, size_t size)
{
    size_t n =
        (size_t)((const char *)memchr(line, '\n', (size_t)(common_passwords_end - line)) - line);
    int order = memcmp(line, text, n < size ? n : size);

    return order ? order : n < size ? -1 : n > size;
}

/* Both ends are always the beginning of a line, or the end of the list. */
static bool is_listed(const char *text, size_t size)
{
    const char *first = common_passwords, *end = common_passwords_end;

    while (first < end) {
        const char *line = first + (end - first) / 2;
        int order;
        while (line > first && line[-1] != '\n')
            line--;
        order = line_compare(line, text, size);
        if (order == 0)
            return true;
        if (order < 0)
            first = (const char *)memchr(line, '\n', (size_t)(common_passwords_end - line)) + 1;
        else
            end = line;
    }
    return false;
}

bool password_is_common(const char *password)
{
    char lower[LONGEST];
    size_t size = strlen(password);

    if (size > sizeof lower)
        return false;
    for (size_t i = 0; i < size; i++)
        lower[i] =
            password[i] >= 'A' && password[i] <= 'Z' ? (char)(password[i] | 0x20) : password[i];
    return is_listed(lower, size);
}
