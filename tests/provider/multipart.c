/* multipart/form-data, with a window of one read: files of any size need no memory. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 8192 };

struct upload *upload_new(const char *content_type)
{
    struct upload *u = calloc(1, sizeof *u);
    const char *at = strcasestr(content_type, "boundary=");
    size_t length;

    if (!u)
        abort();
    u->state = UPLOAD_BROKEN;
    if (strncasecmp(content_type, "multipart/form-data", 19) != 0 || !at)
        return u;
    at += strlen("boundary=");
    length = *at == '"' ? strcspn(++at, "\"") : strcspn(at, "; ");
    if (!length || length > 70)
        return u;
    u->delimiter_length = length + 4;
    snprintf(u->delimiter, sizeof u->delimiter, "\r\n--%.*s", (int)length, at);
    buffer_text(&u->window, "\r\n"); /* so that the first delimiter is like the others */
    u->state = UPLOAD_DATA;
    return u;
}

void upload_drop(struct upload **u)
{
    if (!*u)
        return;
    buffer_free(&(*u)->window);
    buffer_free(&(*u)->head);
    free(*u);
    *u = NULL;
}

static void part_data(struct upload *u, const char *bytes, size_t length)
{
    size_t kept = buffer_length(&u->head), had = strlen(u->purpose);

    if (u->part == PART_PURPOSE && had + length < sizeof u->purpose)
        memcpy(u->purpose + had, bytes, length);
    if (u->part != PART_FILE)
        return;
    u->bytes += length;
    if (kept < UPLOAD_KEEP)
        buffer_add(&u->head, bytes, length < UPLOAD_KEEP - kept ? length : UPLOAD_KEEP - kept);
}

/* Value of a parameter like name="..." in the headers, or an empty text. */
static void header_parameter(const char *headers, const char *name, char *ret_value, size_t room)
{
    const char *at = strstr(headers, name);
    size_t length = 0;

    *ret_value = 0;
    if (!at)
        return;
    for (at += strlen(name); *at && *at != '"' && length + 1 < room; at++) {
        if (*at == '\\' && at[1])
            at++;
        ret_value[length++] = *at;
    }
    ret_value[length] = 0;
}

static void part_begin(struct upload *u, char *headers)
{
    char name[32], filename[sizeof u->filename];

    header_parameter(headers, " name=\"", name, sizeof name);
    header_parameter(headers, " filename=\"", filename, sizeof filename);
    u->part = PART_OTHER;
    if (!strcmp(name, "purpose") && !*u->purpose) {
        u->part = PART_PURPOSE;
    } else if (!strcmp(name, "file") && !u->has_file) {
        u->part = PART_FILE;
        u->has_file = true;
        memcpy(u->filename, filename, sizeof filename);
    }
}

static bool step_data(struct upload *u)
{
    size_t have = buffer_length(&u->window);
    const char *from = buffer_at(&u->window);
    const char *end = have ? memmem(from, have, u->delimiter, u->delimiter_length) : NULL;

    if (end) {
        part_data(u, from, (size_t)(end - from));
        buffer_consume(&u->window, (size_t)(end - from) + u->delimiter_length);
        u->state = UPLOAD_DELIMITER;
    } else if (have >= u->delimiter_length) {
        part_data(u, from, have - u->delimiter_length + 1);
        buffer_consume(&u->window, have - u->delimiter_length + 1);
    }
    return end;
}

static bool step_delimiter(struct upload *u)
{
    const char *at = buffer_at(&u->window);

    if (buffer_length(&u->window) < 2)
        return false;
    if (!memcmp(at, "--", 2))
        u->state = UPLOAD_END;
    else
        u->state = memcmp(at, "\r\n", 2) ? UPLOAD_BROKEN : UPLOAD_HEADERS;
    buffer_consume(&u->window, 2);
    return true;
}

static bool step_headers(struct upload *u)
{
    const char *from = buffer_at(&u->window);
    size_t have = buffer_length(&u->window);
    const char *end = have ? memmem(from, have, "\r\n\r\n", 4) : NULL;
    char headers[HEADERS_MAX];
    size_t length = end ? (size_t)(end - from) : have;

    if (length >= sizeof headers || (end && memchr(from, 0, length))) {
        u->state = UPLOAD_BROKEN;
        return false;
    }
    if (!end)
        return false;
    memcpy(headers, from, length);
    headers[length] = 0;
    part_begin(u, headers);
    buffer_consume(&u->window, length + 4);
    u->state = UPLOAD_DATA;
    return true;
}

void upload_feed(struct upload *u, const char *bytes, size_t length)
{
    bool more = true;

    if (u->state == UPLOAD_BROKEN || u->state == UPLOAD_END)
        return;
    buffer_add(&u->window, bytes, length);
    while (more) {
        if (u->state == UPLOAD_DATA)
            more = step_data(u);
        else if (u->state == UPLOAD_DELIMITER)
            more = step_delimiter(u);
        else if (u->state == UPLOAD_HEADERS)
            more = step_headers(u);
        else
            more = false;
    }
}
