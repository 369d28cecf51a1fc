/* Trace contexts: read, written, made. */
#include "common/trace.h"

#include <stdio.h>
#include <string.h>

#include "common/digest.h"

#define TRACE_DIGITS (TRACE_ID_SIZE - 1)
#define SPAN_DIGITS  (SPAN_ID_SIZE - 1)
#define HEX          "0123456789abcdef"

/* Whether s begins with n characters that are lower-case hexadecimal and not all zero. */
static bool is_hex_id(const char *s, size_t n)
{
    return strspn(s, HEX) >= n && strspn(s, "0") < n;
}

/* Whether the part of s that ends at `end` is such an id of n digits. */
static bool part_is_id(const char *s, const char *end, size_t n)
{
    return (size_t)(end - s) == n && is_hex_id(s, n);
}

void trace_read(struct trace *ret, const char *s)
{
    const char *at = s ? s : "", *end = strchrnul(at, '/');

    *ret = (struct trace){0};
    snprintf(ret->id, sizeof ret->id, "%.*s", (int)(end - at), at);
    if (!*end)
        return;
    at = end + 1;
    end = strchrnul(at, '/');
    if (part_is_id(at, end, SPAN_DIGITS))
        memcpy(ret->span, at, SPAN_DIGITS);
    if (*end && part_is_id(end + 1, end + strlen(end), TRACE_DIGITS))
        memcpy(ret->client, end + 1, TRACE_DIGITS);
}

void trace_print(const struct trace *t, char ret[TRACE_SIZE])
{
    bool client = t->client[0] && strcmp(t->client, t->id) != 0;

    snprintf(ret, TRACE_SIZE, "%s%s%s%s%s", t->id, client || t->span[0] ? "/" : "", t->span,
             client ? "/" : "", client ? t->client : "");
}

void trace_id(const struct trace *t, char ret[TRACE_ID_SIZE])
{
    unsigned char sum[DIGEST_SIZE];

    if (t->client[0]) {
        memcpy(ret, t->client, TRACE_ID_SIZE);
    } else if (strlen(t->id) == TRACE_DIGITS && is_hex_id(t->id, TRACE_DIGITS)) {
        memcpy(ret, t->id, TRACE_ID_SIZE);
    } else {
        digest_sha256(t->id, strlen(t->id), sum);
        hex_encode(sum, TRACE_DIGITS / 2, ret);
    }
}

void span_id_make(char ret[SPAN_ID_SIZE])
{
    unsigned char id[SPAN_DIGITS / 2];

    random_bytes(id, sizeof id);
    id[0] |= 1; /* all zero would be no id */
    hex_encode(id, sizeof id, ret);
}

bool traceparent_read(const char *s, struct trace *ret, bool *ret_sampled)
{
    size_t n = s ? strlen(s) : 0;

    if (n < TRACEPARENT_SIZE - 1 || strspn(s, HEX) != 2 || strncmp(s, "ff", 2) == 0 ||
        s[2] != '-' || !is_hex_id(s + 3, TRACE_DIGITS) || s[35] != '-' ||
        !is_hex_id(s + 36, SPAN_DIGITS) || s[52] != '-' || strspn(s + 53, HEX) != 2 ||
        (n > 55 && (s[55] != '-' || strncmp(s, "00", 2) == 0)))
        return false;
    snprintf(ret->client, sizeof ret->client, "%.*s", TRACE_DIGITS, s + 3);
    snprintf(ret->span, sizeof ret->span, "%.*s", SPAN_DIGITS, s + 36);
    *ret_sampled = strchr("13579bdf", s[54]) != NULL;
    return true;
}

void traceparent_print(const struct trace *t, bool sampled, char ret[TRACEPARENT_SIZE])
{
    char id[TRACE_ID_SIZE];

    trace_id(t, id);
    snprintf(ret, TRACEPARENT_SIZE, "00-%s-%s-%s", id, t->span, sampled ? "01" : "00");
}
