#pragma once
/*
 * The syntax of .env and *.conf files, line by line:
 *
 *   NAME=VALUE          no quotes needed; what follows a space and # is a comment
 *   NAME="VALUE"        or 'VALUE': quotes are taken off, and nothing in them means anything
 *   export NAME=VALUE   the same
 *   # comment, and empty lines
 *
 * Space around names and values, CRLF and a byte order mark at the beginning are tolerated.
 * There are no escapes and no values over several lines.
 */
#include <stddef.h>

struct env_reader {
    char *data; /* changed while it is read; one byte more than size is there, for a NUL */
    size_t size, at;
    unsigned line; /* of the last result, from 1 */
};

/*
 * Reads up to the next setting.  1: name and value are set (they point into data); 0: the end;
 * -1: the line is wrong, *reterr_why a short constant text, and reading can go on behind it.
 */
int env_next(struct env_reader *r, const char **ret_name, const char **ret_value,
             const char **reterr_why) __attribute__((warn_unused_result));
