/* Where a fault is logged, once. */
#include "common/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

/* The last two parts of a path: "common/db.c", wherever it was built. */
static const char *file_short(const char *file)
{
    const char *at = file + strlen(file);

    for (int slashes = 0; at > file; at--)
        if (at[-1] == '/' && ++slashes == 2)
            break;
    return at;
}

int fault_at(const char *file, int line, const char *func, const char *fmt, ...)
{
    char detail[1024], quoted[1200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    log_line(LOG_LEVEL_ERR, "fault at=%s:%d func=%s detail=%s", file_short(file), line, func,
             log_quote(detail, quoted, sizeof quoted));
    return -1;
}

bool fault_may_pass(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOSPC ||
           error == EDQUOT || error == EIO;
}
