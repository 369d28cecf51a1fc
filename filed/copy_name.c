/* The names of the provider's copies, and how long a failed one waits. */
#include "filed/copy_name.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_MS     INT64_C(500)
#define LAST_MS      INT64_C(300000)
#define ASKED_MAX_MS INT64_C(3600000)

/* ".pdf" of "Report.PDF", or "". */
static void extension(const char *filename, char ret[10])
{
    const char *dot = strrchr(filename, '.');
    size_t n = dot ? strlen(dot + 1) : 0;

    ret[0] = '\0';
    if (n < 1 || n > 8 || dot == filename)
        return;
    for (size_t i = 1; i <= n; i++)
        if (!isascii((unsigned char)dot[i]) || !isalnum((unsigned char)dot[i]))
            return;
    for (size_t i = 0; i <= n; i++)
        ret[i] = (char)tolower((unsigned char)dot[i]);
    ret[n + 1] = '\0';
}

void copy_name(const char *installation, int64_t file_id, int64_t try, const char *filename,
               char ret[COPY_NAME_MAX])
{
    char end[10];

    extension(filename, end);
    snprintf(ret, COPY_NAME_MAX, "cbp-%s-%" PRId64 "-%" PRId64 "%s", installation, file_id, try,
             end);
}

/* A positive decimal number at *at, which is moved behind it; 0: there is none. */
static int64_t number_read(const char **at)
{
    int64_t n = 0;

    if (**at == '0')
        return 0;
    for (; isdigit((unsigned char)**at); (*at)++) {
        if (n > (INT64_MAX - 9) / 10)
            return 0;
        n = 10 * n + (**at - '0');
    }
    return n;
}

bool copy_name_read(const char *name, const char *installation, int64_t *ret_file_id,
                    int64_t *ret_try)
{
    size_t n = strlen(installation);

    if (strncmp(name, "cbp-", 4) != 0 || strncmp(name + 4, installation, n) != 0 ||
        name[4 + n] != '-')
        return false;
    name += 4 + n + 1;
    *ret_file_id = number_read(&name);
    if (!*ret_file_id || *name++ != '-')
        return false;
    *ret_try = number_read(&name);
    return *ret_try && (*name == '\0' || *name == '.');
}

int64_t copy_wait_ms(int failures, int64_t asked_ms, uint32_t random)
{
    int64_t wait = FIRST_MS;

    while (--failures > 0 && wait < LAST_MS)
        wait *= 2;
    if (wait > LAST_MS)
        wait = LAST_MS;
    wait -= (int64_t)(random % (uint32_t)(wait / 4));
    if (asked_ms > ASKED_MAX_MS)
        asked_ms = ASKED_MAX_MS;
    return asked_ms > wait ? asked_ms : wait;
}
