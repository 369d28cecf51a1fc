#pragma once
/*
 * An exported conversation as it comes in, in pieces of any size: {"name": value, ...} with the
 * array "messages" taken apart, so that no more than one value is ever held.  Pure.  Whether a
 * value is JSON is for json_parse() to say.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define IMPORT_NAME_MAX   31   /* bytes of a member's name */
#define IMPORT_MEMBER_MAX 4096 /* bytes of a value outside of messages */

enum import_got {
    IMPORT_MORE,    /* needs more bytes: import_scan_feed(), or import_scan_ended() */
    IMPORT_MEMBER,  /* `name` has the value `value` */
    IMPORT_MESSAGE, /* messages[n] is `value` */
    IMPORT_END,     /* that was all */
    IMPORT_BAD,     /* status, and why: it is no such file */
};

enum import_state {
    IMPORT_AT_START,
    IMPORT_AT_FIRST_NAME,
    IMPORT_AT_NAME,
    IMPORT_IN_NAME,
    IMPORT_AT_COLON,
    IMPORT_AT_VALUE,
    IMPORT_AT_FIRST_MESSAGE,
    IMPORT_AT_MESSAGE,
    IMPORT_IN_VALUE,
    IMPORT_AFTER_VALUE,
    IMPORT_AFTER_MESSAGE,
    IMPORT_AT_TAIL,
};

struct import_scan {
    enum import_state state;
    const char *at, *end; /* what was fed and not looked at yet */
    bool ended;
    bool in_messages, had_messages;
    char name[IMPORT_NAME_MAX + 1];
    size_t name_size;
    int64_t n; /* of the message, from 0; -1: none yet */
    struct text value;
    /* within a value */
    unsigned depth;
    bool in_string, escaped, is_scalar;
    /* of IMPORT_BAD; field "": the whole */
    int status;
    char field[64];
    const char *why;
};

void import_scan_init(struct import_scan *s);
void import_scan_drop(struct import_scan *s);

/* More bytes, which must stay until import_scan_next() says IMPORT_MORE; or that there are none. */
void import_scan_feed(struct import_scan *s, const char *data, size_t size);
void import_scan_ended(struct import_scan *s);

/* What comes next; name and value live until the next call. */
enum import_got import_scan_next(struct import_scan *s);
