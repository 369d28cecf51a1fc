/* Log lines: made in one buffer, written at once. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/trace.h"

#define LINE_MAX_BYTES 2000 /* below PIPE_BUF, so that lines of processes on one pipe never mix */

static const char *_Atomic process = "-";
static atomic_int limit = LOG_LEVEL_INFO;
static _Thread_local char trace_of_call[TRACE_MAX + 1];

void log_name(const char *name)
{
    process = name;
}

void log_limit(enum log_level level)
{
    limit = (int)level;
}

void log_limit_named(const char *name)
{
    static const char *const names[] = {[LOG_LEVEL_ERR] = "err",
                                        [LOG_LEVEL_WARN] = "warn",
                                        [LOG_LEVEL_NOTICE] = "notice",
                                        [LOG_LEVEL_INFO] = "info",
                                        [LOG_LEVEL_DEBUG] = "debug"};

    for (int i = LOG_LEVEL_ERR; i <= LOG_LEVEL_DEBUG; i++)
        if (strcmp(names[i], name) == 0)
            log_limit((enum log_level)i);
}

void log_trace(const char *trace)
{
    struct trace t;

    trace_read(&t, trace);
    memcpy(trace_of_call, t.id, sizeof trace_of_call);
}

/* One line of printable ASCII, whatever went into it: nobody can forge a second line. */
static void line_clean(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES + 1];
    int error = errno, n;
    size_t size;
    va_list args;

    if ((int)level > limit)
        return;
    n = snprintf(line, sizeof line, "<%d>svc=%s %s%s%s", (int)level, process,
                 trace_of_call[0] ? "trace=" : "", trace_of_call, trace_of_call[0] ? " " : "");
    size = (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 1;
    errno = error; /* for %m */
    va_start(args, fmt);
    n = vsnprintf(line + size, sizeof line - size, fmt, args);
    va_end(args);
    if (n > 0)
        size = (size_t)n < sizeof line - size ? size + (size_t)n : sizeof line - 1;
    if (size > LINE_MAX_BYTES - 1)
        size = LINE_MAX_BYTES - 1;
    line_clean(line, size);
    line[size++] = '\n';
    /* A log that cannot be written is no reason to stop: nothing to do about other errors. */
    while (write(STDERR_FILENO, line, size) < 0 && errno == EINTR)
        ;
    errno = error;
}

/* Spells one byte into as; returns how many characters. */
static unsigned byte_quote(unsigned char c, char as[4])
{
    static const char hex[] = "0123456789abcdef", plain[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    const char *at = c ? strchr(plain, c) : NULL;

    as[0] = c >= ' ' && c <= '~' && !at ? (char)c : '\\';
    if (as[0] != '\\')
        return 1;
    as[1] = at ? letters[at - plain] : 'x';
    as[2] = hex[c >> 4];
    as[3] = hex[c & 15];
    return at ? 2 : 4;
}

const char *log_quote(const char *s, char *buf, unsigned capacity)
{
    unsigned at = 1;

    if (capacity < 3)
        return "\"\"";
    buf[0] = '"';
    for (const char *p = s ? s : ""; *p; p++) {
        char as[4];
        unsigned n = byte_quote((unsigned char)*p, as);
        if (at + n + 2 > capacity)
            break;
        memcpy(buf + at, as, n);
        at += n;
    }
    buf[at] = '"';
    buf[at + 1] = '\0';
    return buf;
}
