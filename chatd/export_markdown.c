/*
 * The branch of a conversation that is shown, as Markdown for people.  What was said stays as it
 * was, and cannot pass for what this file says: it is quoted line by line, and where it holds what
 * would act beyond a quote (HTML, definitions of links) it is a block of code.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "chatd/export.h"
#include "common/db.h"
#include "common/text.h"

/* Plain text within a line: no mark of Markdown or HTML means anything in it. */
static void plain(struct text *out, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < ' ' || c == 0x7f) {
            text_putc(out, ' ');
            continue;
        }
        if (c < 0x80 && ispunct(c))
            text_putc(out, '\\');
        text_putc(out, (char)c);
    }
}

/* "2026-11-23 02:43:50 UTC" */
static void moment(struct text *out, const char *time)
{
    text_add(out, time, strnlen(time, 19));
    text_puts(out, " UTC");
}

static void begin(struct text *out, const struct export_head *h)
{
    text_puts(out, "# ");
    plain(out, h->title && *h->title ? h->title : "Conversation");
    text_puts(out, "\n\nBegun ");
    moment(out, h->created_at);
    text_puts(out, ", last activity ");
    moment(out, h->updated_at);
    text_printf(out,
                ". This is the branch that is shown: %" PRId64 " of the conversation's %" PRId64
                " messages, the oldest first.",
                h->count, h->all);
    if (h->count < h->all)
        text_puts(out, " The others are left out.");
    text_putc(out, '\n');
}

/* Whether it would act beyond a quote: raw HTML, or a definition of a link or footnote. */
static bool reaches_out(const char *s)
{
    for (; *s; s++) {
        unsigned char next = (unsigned char)s[1];
        if (*s == '<' && (next < 0x80 ? isalpha(next) || strchr("/!?", next) : true) && next)
            return true;
        if (*s == ']' && next == ':')
            return true;
    }
    return false;
}

/* Lines end with \n, \r\n or \r (CommonMark 0.30, section 2.1). */
static void quote(struct text *out, const char *s)
{
    bool begins = true;

    for (; *s; s++) {
        bool ends = *s == '\n' || (*s == '\r' && s[1] != '\n');
        if (begins)
            text_puts(out, ends ? ">" : "> ");
        text_putc(out, *s);
        begins = ends;
    }
    if (!begins)
        text_putc(out, '\n');
}

static size_t longest_run(const char *s, char c)
{
    size_t run = 0, longest = 0;

    for (; *s; s++) {
        run = *s == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* A fence is longer than whatever could end it. */
static void block(struct text *out, const char *s)
{
    size_t n = strlen(s), fence = longest_run(s, '`') + 1;

    fence = fence < 3 ? 3 : fence;
    for (size_t i = 0; i < fence; i++)
        text_putc(out, '`');
    text_putc(out, '\n');
    text_add(out, s, n);
    if (n && s[n - 1] != '\n' && s[n - 1] != '\r')
        text_putc(out, '\n');
    for (size_t i = 0; i < fence; i++)
        text_putc(out, '`');
    text_putc(out, '\n');
}

static void message(struct text *out, const struct export_message *m)
{
    text_printf(out, "\n## %" PRId64 ". %s, ", m->n + 1,
                strcmp(m->role, "user") == 0 ? "User" : "Assistant");
    moment(out, m->created_at);
    if (strcmp(m->status, "complete") != 0)
        text_printf(out, " (%s)", m->status);
    text_puts(out, "\n\n");
    if (!*m->content)
        text_puts(out, "*no text*\n");
    else if (reaches_out(m->content))
        block(out, m->content);
    else
        quote(out, m->content);
    for (size_t i = 0; i < m->file_count; i++) {
        text_puts(out, i ? ", " : "\nFiles: ");
        plain(out, m->files[i].filename);
    }
    if (m->file_count)
        text_putc(out, '\n');
    if (m->rating)
        text_printf(out, "\nFeedback: %s", m->rating > 0 ? "good" : "bad");
    if (m->rating && m->note) {
        text_puts(out, ", ");
        plain(out, m->note);
    }
    if (m->rating)
        text_putc(out, '\n');
}

static void end(struct text *out, const struct export_head *h)
{
    (void)out;
    (void)h;
}

const struct export_format export_markdown = {
    .name = "markdown",
    .type = "text/markdown; charset=utf-8",
    .ending = ".md",
    .branch = true,
    .begin = begin,
    .message = message,
    .end = end,
};
