#pragma once
/*
 * What `doctor` finds: a level, what was looked at, what it is like, and what to do about it.  Its
 * parts run as different users and print lines of four fields between tabs; `doctor -` reads the
 * lines of all and reports.
 */
#include <stdbool.h>

#define EXIT_FOUND 3 /* something needs attention */

enum finding_level {
    FINDING_OK,
    FINDING_WARN, /* works, but look at it */
    FINDING_BAD,
};

/* Prints one; remedy may be NULL where all is well.  Tabs and line ends in the text become spaces.
 */
void finding(enum finding_level level, const char *check, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The level by its name, "ok", "warn" or "bad". */
void finding_named(const char *level, const char *check, const char *remedy, const char *text);

/* Reads lines from stdin and reports; returns EXIT_SUCCESS or EXIT_FOUND. */
int findings_report(bool json);
