#pragma once
/*
 * Log lines: key=value to stderr with a <n> priority that journald reads, one write(2) a line.
 * Never bodies, tokens, passwords or keys; accounts only by id.
 */

enum log_level {
    LOG_LEVEL_ERR = 3,
    LOG_LEVEL_WARN = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

/* The process' name in every line ("projectd"); must outlive the process. */
void log_name(const char *name);

/* Lines above this level are not written; default INFO. */
void log_limit(enum log_level level);

/* The same by name: "debug", "info", "notice", "warn", "err"; another name changes nothing. */
void log_limit_named(const char *name);

/* What this thread serves: a request id, or the bus' string that begins with one (common/trace.h);
 * NULL: nothing.  Kept until set again. */
void log_trace(const char *trace);

/*
 * Writes "<6>svc=projectd trace=... " and the formatted rest.  Values that may hold spaces, quotes
 * or control bytes are passed through log_quote().  A line is cut at 2,000 bytes.
 */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* s as "..." with control bytes, quotes and backslashes escaped, cut to fit; in buf. */
const char *log_quote(const char *s, char *buf, unsigned capacity);
