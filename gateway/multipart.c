/* A form with one file, read through a window of fixed size. */
#include "gateway/multipart.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "gateway/part_head.h"
#include "proto/api.h"

#define PADDING_MAX 64 /* blanks behind a boundary */

/* RFC 2046, section 5.1.1 */
static bool boundary_is_good(const char *s)
{
    size_t n = strlen(s);

    return n >= 1 && n <= MULTIPART_BOUNDARY && s[n - 1] != ' ' &&
           s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                       "'()+_,-./:=? ")] == '\0';
}

int multipart_init(struct multipart *m, const char *content_type)
{
    static const char type[] = "multipart/form-data";
    char name[32], value[256], boundary[256] = "";
    const char *at;
    int r;

    if (!content_type || strncasecmp(content_type, type, sizeof type - 1) != 0)
        return UNSUPPORTED_TYPE;
    at = content_type + sizeof type - 1;
    if (*at && !strchr("; \t", *at))
        return UNSUPPORTED_TYPE;
    while ((r = header_parameter(&at, name, sizeof name, value, sizeof value)) == 1) {
        if (strcmp(name, "boundary") != 0)
            continue;
        if (*boundary)
            return BAD_REQUEST;
        memcpy(boundary, value, strlen(value) + 1);
    }
    if (r < 0 || !boundary_is_good(boundary))
        return BAD_REQUEST;
    m->state = MULTIPART_PREAMBLE;
    m->delimiter_size =
        (size_t)snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%.70s", boundary);
    /* the first boundary may begin the body */
    memcpy(m->window, "\r\n", 2);
    m->begin = 0;
    m->end = 2;
    m->ended = m->has_file = false;
    m->filename[0] = m->field[0] = '\0';
    m->status = DONE;
    m->why = NULL;
    return DONE;
}

char *multipart_room(struct multipart *m, size_t *ret_size)
{
    if (m->begin) {
        memmove(m->window, m->window + m->begin, m->end - m->begin);
        m->end -= m->begin;
        m->begin = 0;
    }
    *ret_size = MULTIPART_WINDOW - m->end;
    return m->window + m->end;
}

void multipart_filled(struct multipart *m, size_t n)
{
    assert(!m->ended && n <= MULTIPART_WINDOW - m->end);
    m->end += n;
}

void multipart_ended(struct multipart *m)
{
    m->ended = true;
}

static enum multipart_got bad(struct multipart *m, int status, const char *field, const char *why)
{
    m->state = MULTIPART_FAILED;
    m->status = status;
    m->why = why;
    snprintf(m->field, sizeof m->field, "%s", field ? field : "");
    return MULTIPART_BAD;
}

static enum multipart_got cut(struct multipart *m)
{
    return bad(m, BAD_REQUEST, NULL, "the form ended early");
}

enum line { LINE_CUT, LINE_PART, LINE_CLOSE, LINE_DATA };

/* What a line with the boundary is, by the n bytes behind it; *ret_size of them belong to it. */
static enum line line_read(const char *p, size_t n, bool ended, size_t *ret_size)
{
    bool close = n >= 2 && p[0] == '-' && p[1] == '-';
    size_t i = close ? 2 : 0, padding = i;

    if (n == 1 && p[0] == '-')
        return ended ? LINE_DATA : LINE_CUT;
    while (i < n && (p[i] == ' ' || p[i] == '\t') && i - padding < PADDING_MAX)
        i++;
    *ret_size = i;
    if (i == n)
        return !ended ? LINE_CUT : close ? LINE_CLOSE : LINE_DATA;
    if (p[i] != '\r')
        return LINE_DATA;
    if (i + 1 == n)
        return ended ? LINE_DATA : LINE_CUT;
    *ret_size = i + 2;
    return p[i + 1] != '\n' ? LINE_DATA : close ? LINE_CLOSE : LINE_PART;
}

/*
 * Looks for a line with the boundary in the window.  *ret_before: bytes before it, or before what
 * may become one (LINE_CUT), or all (LINE_DATA).  *ret_size: of the line, its CRLF in front
 * included.
 */
static enum line boundary_find(const struct multipart *m, size_t *ret_before, size_t *ret_size)
{
    const char *begin = m->window + m->begin, *end = m->window + m->end, *at = begin;

    for (; (at = memchr(at, '\r', (size_t)(end - at))); at++) {
        size_t n = (size_t)(end - at);
        enum line line = LINE_CUT;
        if (memcmp(at, m->delimiter, n < m->delimiter_size ? n : m->delimiter_size) != 0)
            continue;
        *ret_before = (size_t)(at - begin);
        if (n >= m->delimiter_size)
            line = line_read(at + m->delimiter_size, n - m->delimiter_size, m->ended, ret_size);
        else if (m->ended)
            line = LINE_DATA;
        *ret_size += m->delimiter_size;
        if (line != LINE_DATA)
            return line;
    }
    *ret_before = m->end - m->begin;
    return LINE_DATA;
}

static void line_take(struct multipart *m, enum line line, size_t size)
{
    m->begin += size;
    m->state = line == LINE_CLOSE ? MULTIPART_EPILOGUE : MULTIPART_HEAD;
    /* a head begins with the line's CRLF, so that an empty one ends like any other */
    if (line == LINE_PART)
        m->begin -= 2;
}

/* Passes over what comes before the first boundary. */
static enum multipart_got preamble_read(struct multipart *m)
{
    size_t before, size = 0;
    enum line line = boundary_find(m, &before, &size);

    m->begin += before;
    if (line == LINE_PART || line == LINE_CLOSE) {
        line_take(m, line, size);
        return MULTIPART_FILE; /* go on */
    }
    return m->ended ? bad(m, BAD_REQUEST, NULL, "the form holds no boundary") : MULTIPART_MORE;
}

static enum multipart_got filename_check(struct multipart *m, const struct part_head *head)
{
    size_t n = strlen(head->filename);

    if (!head->has_filename || n == 0)
        return bad(m, BAD_INPUT, "filename", "the part \"file\" needs a filename");
    if (n > MULTIPART_FILENAME)
        return bad(m, BAD_INPUT, "filename", "may have at most 255 bytes");
    if (!utf8_check(head->filename, n))
        return bad(m, BAD_INPUT, "filename", "is not valid UTF-8");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)head->filename[i] < 0x20 || head->filename[i] == 0x7f)
            return bad(m, BAD_INPUT, "filename", "holds a control character");
    memcpy(m->filename, head->filename, n + 1);
    return MULTIPART_FILE;
}

/* The head of a part, from the CRLF in front of it to its empty line. */
static enum multipart_got head_read(struct multipart *m)
{
    const char *begin = m->window + m->begin;
    size_t have = m->end - m->begin;
    const char *end = memmem(begin, have, "\r\n\r\n", 4);
    struct part_head head;

    if (!end && m->ended)
        return cut(m);
    if (!end)
        return m->begin > 0 || m->end < MULTIPART_WINDOW
                   ? MULTIPART_MORE
                   : bad(m, BAD_REQUEST, NULL, "a part's head is longer than 8 KiB");
    part_head_read(begin + 2, end > begin ? (size_t)(end - begin) - 2 : 0, &head);
    if (head.why)
        return bad(m, BAD_REQUEST, NULL, head.why);
    if (strcmp(head.name, "file") != 0)
        return bad(m, BAD_INPUT, utf8_check(head.name, strlen(head.name)) ? head.name : NULL,
                   "the form may hold only the part \"file\"");
    if (m->has_file)
        return bad(m, BAD_INPUT, "file", "the form may hold only one file");
    m->begin += (size_t)(end - begin) + 4;
    m->has_file = true;
    m->state = MULTIPART_BODY;
    return filename_check(m, &head);
}

static enum multipart_got body_read(struct multipart *m, const char **ret, size_t *ret_size)
{
    size_t before, size = 0;
    enum line line = boundary_find(m, &before, &size);

    if (before) {
        *ret = m->window + m->begin;
        *ret_size = before;
        m->begin += before;
        return MULTIPART_DATA;
    }
    if (line == LINE_PART || line == LINE_CLOSE) {
        line_take(m, line, size);
        return MULTIPART_FILE; /* go on */
    }
    return m->ended ? cut(m) : MULTIPART_MORE;
}

static enum multipart_got epilogue_read(struct multipart *m)
{
    m->begin = m->end = 0;
    if (!m->ended)
        return MULTIPART_MORE;
    return m->has_file ? MULTIPART_END : bad(m, BAD_INPUT, "file", "is missing");
}

enum multipart_got multipart_next(struct multipart *m, const char **ret, size_t *ret_size)
{
    for (;;) {
        enum multipart_state before = m->state;
        enum multipart_got got = MULTIPART_BAD;
        switch (m->state) {
        case MULTIPART_PREAMBLE:
            got = preamble_read(m);
            break;
        case MULTIPART_HEAD:
            return head_read(m);
        case MULTIPART_BODY:
            got = body_read(m, ret, ret_size);
            break;
        case MULTIPART_EPILOGUE:
            return epilogue_read(m);
        case MULTIPART_FAILED:
            return MULTIPART_BAD;
        }
        if (got != MULTIPART_FILE || m->state == before)
            return got;
    }
}
