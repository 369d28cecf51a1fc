#pragma once
/*
 * What an exported conversation says, member by member and message by message, with every rule
 * that it has to keep.  Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chatd/moved.h"
#include "common/text.h"

struct import_scan;

/* One message.  Strings are those of its JSON object. */
struct import_message {
    int64_t n, parent; /* places in the file; parent -1: none */
    int64_t depth;
    const char *role, *status, *content, *created_at;
    size_t content_size;
    int64_t rating;                     /* 0: none */
    const char *note;                   /* or NULL */
    const char *made_with;              /* JSON, or NULL */
    const char *files[MOVED_FILES_MAX]; /* SHA-256 of each, hex */
    size_t file_count;
};

struct import_check {
    /* of the conversation, once import_check_end() said DONE */
    char title[121], created_at[32]; /* "": none */
    bool has_title, pinned, archived;
    int64_t leaf, count;

    bool has_format, has_version;
    unsigned seen;                   /* members, as bits */
    uint32_t *above;                 /* of each message: depth * 2, and 1 if it is an answer */
    int64_t capacity, newest_answer; /* -1: none */

    /* of an error: which field, and why */
    char field[96];
    const char *why;
};

void import_check_init(struct import_check *k);
void import_check_drop(struct import_check *k);

/* A member or a message that the scan found.  DONE; BAD_INPUT or BAD_JSON with field and why. */
int import_check_member(struct import_check *k, const struct import_scan *s)
    __attribute__((warn_unused_result));
/* The same; hand gets the message, which is gone when it returns; its result is passed on. */
int import_check_message(struct import_check *k, const struct import_scan *s,
                         int (*hand)(void *state, const struct import_message *m), void *state)
    __attribute__((warn_unused_result));
/* Whether all that must be there was. */
int import_check_end(struct import_check *k) __attribute__((warn_unused_result));
