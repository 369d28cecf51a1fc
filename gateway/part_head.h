#pragma once
/* The head of a part of a form, and the parameters of header values (RFC 7578, 9110). */
#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the next ";name=value" of a header's value at *at.  Values may be quoted; in them only \"
 * and
 * \\ are escapes, as programs send file names with plain backslashes.
 * 1: ret_name (lower case) and ret_value are set; 0: the end; -1: malformed, or too long.
 */
int header_parameter(const char **at, char *ret_name, size_t name_capacity, char *ret_value,
                     size_t value_capacity);

struct part_head {
    char name[64];       /* of the form's field */
    char filename[1024]; /* as given, "" if has_filename is false */
    bool has_filename;
    const char *why; /* what is wrong, NULL: nothing */
};

/* Reads a part's head: size bytes of lines with CRLF each.  Sets ret->why if it is malformed. */
void part_head_read(const char *head, size_t size, struct part_head *ret);
