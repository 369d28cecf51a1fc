/*
 * What becomes of foreign texts where lines mean something, the first byte picks which: logs, the
 * access log, headers and bodies of mails.  Nothing ends a field or a line too early.
 */
#include <string.h>

#include "gateway/access_log.c"

#include "authd/mail/mime.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

#define MAIL_LINE_MAX 998 /* RFC 5322 2.1.1 */

static void quote_try(const char *text, unsigned capacity)
{
    char *room = malloc(capacity);
    size_t n;

    must(room != NULL);
    must(log_quote(text, room, capacity) == room);
    n = strlen(room);
    must(n >= 2 && n < capacity && room[0] == '"' && room[n - 1] == '"');
    for (size_t i = 1; i + 1 < n; i++) {
        must((unsigned char)room[i] >= ' ' && room[i] != 0x7f);
        must(room[i] != '"');
        if (room[i] == '\\')
            i++; /* what it escapes */
        must(i + 1 < n);
    }
    free(room);
}

static void access_try(const char *text)
{
    char line[LINE_SIZE + 64];
    size_t n = 0;

    escaped(line, &n, text, 512);
    must(n < LINE_SIZE);
    for (size_t i = 0; i < n; i++)
        must(line[i] >= ' ' && line[i] < 0x7f && line[i] != '"');
}

/* 7-bit, lines with CRLF and no longer than they may be, nothing else ends one.  Returns how many
 * begin with something else than a blank. */
static int lines_check(const struct text *t)
{
    size_t width = 0;
    int begun = 0;

    must(t->size >= 2 && memcmp(t->data + t->size - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < t->size; i++) {
        must((unsigned char)t->data[i] < 0x7f && t->data[i]);
        if (t->data[i] == '\r') {
            must(t->data[i + 1] == '\n' && width <= MAIL_LINE_MAX);
            width = 0;
            i++;
        } else {
            begun += width == 0 && t->data[i] != ' ';
            must(t->data[i] != '\n');
            width++;
        }
    }
    return begun;
}

static void mail_try(const char *value, const char *name)
{
    cleanup(text_drop) struct text header = {0}, from = {0}, part = {0}, wrapped = {0};

    if (!utf8_check(value, strlen(value)) || !utf8_check(name, strlen(name)) || strlen(name) > 128)
        return; /* decoders and settings let nothing else in */
    mime_header(&header, "Subject", value);
    must(lines_check(&header) == 1);
    mime_mailbox(&from, "From", name, "somebody@example.com");
    must(lines_check(&from) == 1);
    mime_part(&part, "text/plain", value);
    lines_check(&part);
    mime_wrap(&wrapped, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;
    const char *other;

    if (size < 2 || size > 8192)
        return 0;
    text = fuzz_texts(data, size, &other);
    switch (data[0] % 3) {
    case 0:
        quote_try(text, 8 + data[1]);
        break;
    case 1:
        access_try(text);
        break;
    default:
        mail_try(text, other);
        break;
    }
    return 0;
}
