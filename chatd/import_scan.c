/* An exported conversation as it comes in: taken apart into its members and messages. */
#include "chatd/import_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chatd/moved.h"
#include "proto/api.h"

void import_scan_init(struct import_scan *s)
{
    *s = (struct import_scan){.n = -1};
}

void import_scan_drop(struct import_scan *s)
{
    text_drop(&s->value);
}

void import_scan_feed(struct import_scan *s, const char *data, size_t size)
{
    assert(s->at == s->end && !s->ended);
    s->at = data;
    s->end = data + size;
}

void import_scan_ended(struct import_scan *s)
{
    s->ended = true;
}

static enum import_got bad(struct import_scan *s, int status, const char *why)
{
    s->status = status;
    s->why = why;
    if (s->in_messages && s->n >= 0 && s->n < MOVED_MESSAGES_MAX)
        snprintf(s->field, sizeof s->field, "messages[%" PRId64 "]", s->n);
    else
        snprintf(s->field, sizeof s->field, "%s", s->in_messages ? "messages" : s->name);
    return IMPORT_BAD;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* ---- values ---- */

static void value_begin(struct import_scan *s)
{
    text_clear(&s->value);
    s->depth = 0;
    s->in_string = s->escaped = s->is_scalar = false;
    s->state = IMPORT_IN_VALUE;
}

/* Looks at one byte of a value.  Whether it is the last one; *ret_mine: whether it belongs to it.
 */
static bool value_ends(struct import_scan *s, char c, bool *ret_mine)
{
    *ret_mine = true;
    if (s->in_string) {
        if (s->escaped)
            s->escaped = false;
        else if (c == '\\')
            s->escaped = true;
        else if (c == '"')
            s->in_string = false;
        return !s->in_string && s->depth == 0;
    }
    if (s->depth == 0 && (is_space(c) || c == ',' || c == '}' || c == ']')) {
        *ret_mine = false;
        return true;
    }
    if (c == '"') {
        s->in_string = true;
        return s->is_scalar; /* 1"a": no JSON, as will be found */
    }
    if (c == '{' || c == '[')
        s->depth++;
    else if (c == '}' || c == ']')
        return --s->depth == 0;
    else if (s->depth == 0)
        s->is_scalar = true;
    return false;
}

/* Takes what there is of it. */
static enum import_got value_take(struct import_scan *s)
{
    const size_t most = s->in_messages ? MOVED_VALUE_MAX : IMPORT_MEMBER_MAX;
    const char *from = s->at;
    bool ends = false, mine = true;

    while (!ends && s->at < s->end) {
        ends = value_ends(s, *s->at, &mine);
        s->at += mine;
    }
    if (s->value.size + (size_t)(s->at - from) > most)
        return bad(s, BAD_INPUT, "is too long");
    text_add(&s->value, from, (size_t)(s->at - from));
    if (!ends)
        return IMPORT_MORE;
    s->state = s->in_messages ? IMPORT_AFTER_MESSAGE : IMPORT_AFTER_VALUE;
    return s->in_messages ? IMPORT_MESSAGE : IMPORT_MEMBER;
}

static enum import_got message_begin(struct import_scan *s)
{
    if (++s->n >= MOVED_MESSAGES_MAX)
        return bad(s, BAD_INPUT, "has more than 100000 messages");
    value_begin(s);
    return IMPORT_MORE;
}

/* ---- what stands around them ---- */

static enum import_got name_take(struct import_scan *s, char c)
{
    if (c != '"') {
        if (s->name_size == IMPORT_NAME_MAX || c == '\\' || (unsigned char)c < ' ')
            return bad(s, BAD_INPUT, "is not known");
        s->name[s->name_size++] = c;
        s->name[s->name_size] = '\0';
        return IMPORT_MORE;
    }
    s->state = IMPORT_AT_COLON;
    return IMPORT_MORE;
}

/* Behind the colon. */
static enum import_got value_first(struct import_scan *s, char c)
{
    if (strcmp(s->name, "messages") != 0 || c != '[') {
        s->at--; /* it is the value's first byte */
        value_begin(s);
        return IMPORT_MORE;
    }
    if (s->had_messages)
        return bad(s, BAD_JSON, "a member name is given twice");
    s->had_messages = s->in_messages = true;
    s->state = IMPORT_AT_FIRST_MESSAGE;
    return IMPORT_MORE;
}

static enum import_got message_first(struct import_scan *s, char c)
{
    if (c == ']' && s->state == IMPORT_AT_FIRST_MESSAGE) {
        s->in_messages = false;
        s->state = IMPORT_AFTER_VALUE;
        return IMPORT_MORE;
    }
    s->at--;
    return message_begin(s);
}

static enum import_got expect(struct import_scan *s, char c, char wanted, enum import_state then,
                              const char *why)
{
    if (c != wanted)
        return bad(s, BAD_JSON, why);
    s->state = then;
    return IMPORT_MORE;
}

/* One byte that is no space. */
static enum import_got byte_take(struct import_scan *s, char c)
{
    switch (s->state) {
    case IMPORT_AT_START:
        return expect(s, c, '{', IMPORT_AT_FIRST_NAME, "an object was expected");
    case IMPORT_AT_FIRST_NAME:
    case IMPORT_AT_NAME:
        if (c == '}' && s->state == IMPORT_AT_FIRST_NAME)
            return expect(s, c, '}', IMPORT_AT_TAIL, NULL);
        s->name_size = 0;
        s->name[0] = '\0';
        return expect(s, c, '"', IMPORT_IN_NAME, "a member name in quotes was expected");
    case IMPORT_AT_COLON:
        return expect(s, c, ':', IMPORT_AT_VALUE, "a colon was expected");
    case IMPORT_AT_VALUE:
        return value_first(s, c);
    case IMPORT_AT_FIRST_MESSAGE:
    case IMPORT_AT_MESSAGE:
        return message_first(s, c);
    case IMPORT_AFTER_VALUE:
        if (c == ',')
            return expect(s, c, ',', IMPORT_AT_NAME, NULL);
        return expect(s, c, '}', IMPORT_AT_TAIL, "a comma or } was expected");
    case IMPORT_AFTER_MESSAGE:
        if (c == ',')
            return expect(s, c, ',', IMPORT_AT_MESSAGE, NULL);
        s->in_messages = false;
        return expect(s, c, ']', IMPORT_AFTER_VALUE, "a comma or ] was expected");
    case IMPORT_AT_TAIL:
        return bad(s, BAD_JSON, "something follows the JSON value");
    case IMPORT_IN_NAME:
    case IMPORT_IN_VALUE:
        break;
    }
    assert(!"within a name or a value");
    return IMPORT_BAD;
}

enum import_got import_scan_next(struct import_scan *s)
{
    enum import_got got = IMPORT_MORE;

    while (got == IMPORT_MORE && s->at < s->end) {
        char c = *s->at;
        if (s->state == IMPORT_IN_VALUE) {
            got = value_take(s);
            continue;
        }
        s->at++;
        if (s->state == IMPORT_IN_NAME)
            got = name_take(s, c);
        else if (!is_space(c))
            got = byte_take(s, c);
    }
    if (got != IMPORT_MORE || !s->ended)
        return got;
    return s->state == IMPORT_AT_TAIL ? IMPORT_END
                                      : bad(s, BAD_JSON, "the file ends before its end");
}
