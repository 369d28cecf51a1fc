/* Mails as text: words from letters.def, filled in and put into a message of two parts. */
#include "authd/mail/letter.h"

#include <assert.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "authd/mail/mime.h"
#include "common/cleanup.h"
#include "common/text.h"

struct words {
    enum mail_kind kind;
    const char *language, *subject, *text;
};

static const struct words all_words[] = {
#define WORDS(kind, language, subject, text) {MAIL_##kind, #language, subject, text},
#include "authd/mail/letters.def"
};

static const struct {
    const char *name;
    int minutes, limit;
} kinds[MAIL_KINDS] = {
#define MAIL(name, minutes, limit) {#name, minutes, limit},
#include "authd/mail/letters.def"
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *mail_kind_name(enum mail_kind k)
{
    return kinds[k].name;
}

enum mail_kind mail_kind_named(const char *name)
{
    int k = 0;

    while (k < MAIL_KINDS && strcmp(kinds[k].name, name) != 0)
        k++;
    return (enum mail_kind)k;
}

int mail_kind_minutes(enum mail_kind k)
{
    return kinds[k].minutes;
}

int mail_kind_limit(enum mail_kind k)
{
    return kinds[k].limit;
}

/* Whether a tag ("de-AT") is of that language ("de"). */
static bool is_of(const char *tag, const char *language)
{
    size_t n = strcspn(tag, "-");

    return strlen(language) == n && strncasecmp(tag, language, n) == 0;
}

static const struct words *words_of(enum mail_kind kind, const char *language)
{
    for (size_t i = 0; i < COUNT(all_words); i++)
        if (all_words[i].kind == kind && is_of(language, all_words[i].language))
            return &all_words[i];
    return NULL;
}

bool letter_has_language(const char *language)
{
    for (int k = 0; k < MAIL_KINDS; k++)
        if (!words_of((enum mail_kind)k, language))
            return false;
    return true;
}

/* ---- filling in --------------------------------------------------------------------------- */

/* The value of the hole that begins at `at` ("{site}"), and its size there; NULL: it is none. */
static const char *hole_value(const struct letter *l, const char *at, size_t *ret_size)
{
    const struct {
        const char *name, *value;
    } holes[] = {
        {"{site}", l->site}, {"{link}", l->link}, {"{details}", l->details}, {"{time}", l->time}};

    for (size_t i = 0; i < COUNT(holes); i++) {
        *ret_size = strlen(holes[i].name);
        if (strncmp(at, holes[i].name, *ret_size) == 0)
            return holes[i].value ? holes[i].value : "";
    }
    return NULL;
}

/* Text as it is, but for control characters, which no value has any use for. */
static void plain_add(struct text *to, const char *s)
{
    for (; *s; s++)
        text_putc(to, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
}

static void html_add(struct text *to, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            text_puts(to, "&lt;");
            break;
        case '>':
            text_puts(to, "&gt;");
            break;
        case '&':
            text_puts(to, "&amp;");
            break;
        case '"':
            text_puts(to, "&quot;");
            break;
        default:
            text_putc(to, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
        }
}

/* n bytes of words, holes filled, each piece by `add`. */
static void words_fill(const struct letter *l, const char *words, size_t n,
                       void (*add)(struct text *, const char *), struct text *to)
{
    const char *end = words + n;

    while (words < end) {
        size_t size = 0;
        const char *value = *words == '{' ? hole_value(l, words, &size) : NULL;
        char one[2] = {*words};
        add(to, value ? value : one);
        words += value ? size : 1;
    }
}

static size_t paragraph_size(const char *at)
{
    const char *end = strstr(at, "\n\n");

    return end ? (size_t)(end - at) : strlen(at);
}

/* The paragraphs of a text, one after the other: add(l, paragraph, size, to). */
static void paragraphs(const struct letter *l, const char *text,
                       void (*add)(const struct letter *, const char *, size_t, struct text *),
                       struct text *to)
{
    while (*text) {
        size_t n = paragraph_size(text);
        add(l, text, n, to);
        text += text[n] ? n + 2 : n;
    }
}

static void plain_paragraph(const struct letter *l, const char *text, size_t n, struct text *to)
{
    cleanup(text_drop) struct text line = {0};

    words_fill(l, text, n, plain_add, &line);
    mime_wrap(to, line.data);
    text_puts(to, "\n");
}

#define IS_LINK(text, n) ((n) == 6 && strncmp(text, "{link}", 6) == 0)

static void html_paragraph(const struct letter *l, const char *text, size_t n, struct text *to)
{
    text_puts(to, "<p>");
    if (IS_LINK(text, n)) {
        text_puts(to, "<a href=\"");
        words_fill(l, text, n, html_add, to);
        text_puts(to, "\">");
    }
    words_fill(l, text, n, html_add, to);
    text_puts(to, IS_LINK(text, n) ? "</a></p>\n" : "</p>\n");
}

static void html_write(const struct letter *l, const struct words *w, struct text *to)
{
    text_printf(to, "<!doctype html>\n<html lang=\"%s\">\n<head><meta charset=\"utf-8\"><title>",
                w->language);
    html_add(to, w->subject);
    text_puts(to, "</title></head>\n<body style=\"font-family:sans-serif;line-height:1.5;"
                  "max-width:36em\">\n");
    paragraphs(l, w->text, html_paragraph, to);
    text_puts(to, "</body>\n</html>\n");
}

/* ---- the message -------------------------------------------------------------------------- */

static void head_write(const struct letter *l, const struct words *w, struct text *to)
{
    cleanup(text_drop) struct text subject = {0};
    time_t when = (time_t)l->date;
    const char *at = strrchr(l->from, '@');
    char date[64];
    struct tm tm;

    gmtime_r(&when, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm); /* the locale is "C" */
    text_printf(to, "Date: %s\r\n", date);
    mime_mailbox(to, "From", l->from_name, l->from);
    mime_mailbox(to, "To", NULL, l->to);
    plain_add(&subject, l->site);
    text_printf(&subject, ": %s", w->subject);
    mime_header(to, "Subject", subject.data);
    text_printf(to, "Message-ID: <%s@%s>\r\n", l->id, at ? at + 1 : "localhost");
    text_printf(to,
                "Auto-Submitted: auto-generated\r\nContent-Language: %s\r\nMIME-Version: 1.0\r\n"
                "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n",
                w->language, l->id);
}

void letter_write(const struct letter *l, struct text *to)
{
    const struct words *w = words_of(l->kind, l->language);
    cleanup(text_drop) struct text plain = {0}, html = {0};

    if (!w)
        w = words_of(l->kind, "en");
    assert(w); /* there are English words for every kind */
    head_write(l, w, to);
    paragraphs(l, w->text, plain_paragraph, &plain);
    html_write(l, w, &html);
    text_printf(to, "--=_%s\r\n", l->id);
    mime_part(to, "text/plain", plain.data);
    text_printf(to, "--=_%s\r\n", l->id);
    mime_part(to, "text/html", html.data);
    text_printf(to, "--=_%s--\r\n", l->id);
}
