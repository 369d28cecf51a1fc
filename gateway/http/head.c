/* From civetweb's parse of a request's head to ours, with what it lets slip. */
#include <civetweb.h>
#include <string.h>

#include "gateway/http/thread.h"

/*
 * civetweb parses in place: it overwrites the spaces of the first line, the colons and the line
 * ends with NULs, and its strings point into its buffer.  It stops without a word at the 65th field
 * and at a folded line, skips white space where none belongs, and takes bare line feeds.  So a head
 * is whole only if its parts lie in the buffer exactly where a sound request has them.
 */

static const char *end_of(const char *s)
{
    return s + strlen(s);
}

/* Whether a line ended here with CRLF. */
static bool line_ended(const char *s)
{
    return s[0] == '\0' && s[1] == '\0';
}

/*
 * Then the buffer is full, and holds no byte that would have made civetweb give up before; what
 * earlier requests left there holds NULs.  Where it is not known, unread bytes must do as a sign.
 */
bool head_was_too_large(const struct http_thread *t)
{
    if (!t->buffer)
        return slot_has_unread(t->slots, t->slot);
    for (size_t i = 0; i < REQUEST_BUFFER; i++) {
        unsigned char c = (unsigned char)t->buffer[i];
        if (c == 0x7f || (c < 0x20 && c != '\r' && c != '\n'))
            return false;
    }
    return true;
}

/*
 * Whether the request begins where the buffer does, but for one empty line (RFC 9112, section 2.2).
 * With more white space in front civetweb takes the first empty line for the end of the head, and
 * then parses on into what an earlier request, maybe of someone else, has left in the buffer.
 * The buffer comes from malloc, so it begins at a multiple of 16, and nowhere behind the smallest
 * beginning that was seen.
 */
static bool starts_at_buffer(struct http_thread *t, const char *method)
{
    size_t skipped = (uintptr_t)method % 16;
    char *start = (char *)method - skipped;

    if (skipped != 0 && (skipped != 2 || memcmp(start, "\r\n", 2) != 0))
        return false;
    if (!t->buffer || start < t->buffer)
        t->buffer = start;
    return start == t->buffer;
}

static bool first_line_is_whole(const struct mg_request_info *ri)
{
    const char *target_end = end_of(ri->query_string ? ri->query_string : ri->request_uri);

    return end_of(ri->request_method) + 1 == ri->request_uri &&
           target_end + 1 == ri->http_version - strlen("HTTP/") &&
           line_ended(end_of(ri->http_version));
}

/* Whether the field's line is sound: no space before the colon, CRLF at the end. */
static bool field_is_whole(const struct mg_header *h)
{
    const char *after_colon = end_of(h->name) + 1;

    return (h->value == after_colon || *after_colon != '\0') && line_ended(end_of(h->value));
}

static bool fields_are_whole(const struct http_thread *t, const struct mg_request_info *ri)
{
    const char *at = end_of(ri->http_version) + 2;

    for (int i = 0; i < ri->num_headers; i++) {
        if (ri->http_headers[i].name != at || !field_is_whole(&ri->http_headers[i]))
            return false;
        at = end_of(ri->http_headers[i].value) + 2;
    }
    /* the empty line; without fields civetweb has overwritten its first byte too */
    return at + 2 <= t->buffer + REQUEST_BUFFER && at[0] == (ri->num_headers ? '\r' : '\0') &&
           at[1] == '\0';
}

/* White space after a value is not part of it (RFC 9110, section 5.5). */
static void value_trim(const char *value)
{
    char *end = (char *)end_of(value);

    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
}

void head_read(struct http_thread *t, const struct mg_request_info *ri, struct http_head *ret)
{
    struct http_request *r = &t->request;
    const char *target_end = end_of(ri->query_string ? ri->query_string : ri->request_uri);
    const char *fields = end_of(ri->http_version) + 2, *fields_end = fields;

    *ret = (struct http_head){.version = ri->http_version,
                              .headers = r->headers,
                              .target_size = (size_t)(target_end - ri->request_uri)};
    if (ri->num_headers)
        fields_end = end_of(ri->http_headers[ri->num_headers - 1].value);
    ret->headers_size = (size_t)(fields_end - fields);
    ret->whole = starts_at_buffer(t, ri->request_method) && first_line_is_whole(ri) &&
                 fields_are_whole(t, ri);
    for (int i = 0; i < ri->num_headers; i++) {
        r->headers[i] = (struct http_header){ri->http_headers[i].name, ri->http_headers[i].value};
        value_trim(r->headers[i].value);
    }
    ret->count = r->header_count = (size_t)ri->num_headers;
    r->method = ri->request_method;
    r->path = ri->request_uri;
    r->query = ri->query_string;
}
