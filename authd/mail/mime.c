/* Mails on the wire: encoded headers, quoted-printable bodies. */
#include "authd/mail/mime.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

#define LINE_MAX_7BIT 200 /* bytes of a line that is sent as it is; RFC 5322 allows 998 */
#define LINE_WIDTH    76  /* of wrapped and encoded lines */
#define WORD_BYTES    42  /* of an encoded word: 56 characters of base64 */

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
            return false;
    return true;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* An encoded word, of whole characters: returns its bytes. */
static size_t word_add(struct text *to, const char *s)
{
    unsigned char base64[4 * (WORD_BYTES + 2) / 3 + 1];
    size_t n = strlen(s);

    if (n > WORD_BYTES)
        for (n = WORD_BYTES; n > 1 && is_continuation(s[n]);)
            n--;
    EVP_EncodeBlock(base64, (const unsigned char *)s, (int)n);
    text_printf(to, "=?UTF-8?B?%s?=", (const char *)base64);
    return n;
}

static void words_add(struct text *to, const char *s)
{
    while (*s) {
        s += word_add(to, s);
        if (*s)
            text_puts(to, "\r\n ");
    }
}

/* What could be taken for an encoded word, or is long, is encoded, too. */
void mime_header(struct text *to, const char *name, const char *value)
{
    text_printf(to, "%s: ", name);
    if (is_ascii(value) && strlen(value) <= LINE_WIDTH - 16 && !strstr(value, "=?"))
        text_puts(to, value);
    else
        words_add(to, value);
    text_puts(to, "\r\n");
}

static void quoted_add(struct text *to, const char *s)
{
    text_putc(to, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_putc(to, '\\');
        text_putc(to, *s);
    }
    text_putc(to, '"');
}

void mime_mailbox(struct text *to, const char *header, const char *name, const char *address)
{
    text_printf(to, "%s: ", header);
    if (name && *name) {
        if (is_ascii(name))
            quoted_add(to, name);
        else
            words_add(to, name);
        text_puts(to, "\r\n ");
    }
    text_printf(to, "<%s>\r\n", address);
}

void mime_wrap(struct text *to, const char *line)
{
    while (strlen(line) > LINE_WIDTH) {
        size_t n = LINE_WIDTH;
        while (n && line[n] != ' ')
            n--;
        if (!n)
            n = strcspn(line, " "); /* an address stays whole */
        text_add(to, line, n);
        line += n;
        if (!*line)
            break;
        text_putc(to, '\n');
        line++;
    }
    text_puts(to, line);
    text_putc(to, '\n');
}

static bool is_plain(const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n > LINE_MAX_7BIT)
            return false;
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
                return false;
        text += n + (text[n] == '\n');
    }
    return true;
}

/* One line, n bytes without its end. */
static void quoted_printable(struct text *to, const char *line, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        bool plain = c >= ' ' && c <= '~' && c != '=' && (c != ' ' || i + 1 < n);
        char hex[4];
        if (width + (plain ? 1 : 3) >= LINE_WIDTH) {
            text_puts(to, "=\r\n");
            width = 0;
        }
        snprintf(hex, sizeof hex, plain ? "%c" : "=%02X", c);
        text_puts(to, hex);
        width += strlen(hex);
    }
}

void mime_part(struct text *to, const char *type, const char *text)
{
    bool plain = is_plain(text);

    text_printf(to, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
                type, plain ? "7bit" : "quoted-printable");
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (plain)
            text_add(to, text, n);
        else
            quoted_printable(to, text, n);
        text_puts(to, "\r\n");
        text += n + (text[n] == '\n');
    }
}
