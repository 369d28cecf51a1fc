/* The demo text: what a newcomer without a key reads; it shows what the platform sent. */
#include <string.h>

#include "answer.h"
#include "buffer.h"
#include "question.h"
#include "text.h"

enum { INSTRUCTIONS_SHOWN = 300, MESSAGE_SHOWN = 500 };

static size_t points(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* Bytes of the first `count` code points. */
static size_t points_bytes(const char *text, size_t count)
{
    size_t i = 0;

    for (; text[i]; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80 && !count--)
            break;
    return i;
}

/* A Markdown quotation; `indent` keeps it inside a list item. */
static void quote_write(struct buffer *out, const char *indent, const char *text, size_t shown)
{
    size_t bytes = points_bytes(text, shown);

    buffer_text(out, indent);
    buffer_text(out, "> ");
    for (size_t i = 0; i < bytes; i++) {
        buffer_add(out, text + i, text[i] != '\r');
        if (text[i] != '\n')
            continue;
        buffer_text(out, indent);
        buffer_text(out, "> ");
    }
    buffer_text(out, text[bytes] ? "…\n" : "\n");
}

static void context_write(struct buffer *out, const struct question *q)
{
    unsigned earlier = q->messages ? q->messages - 1 : 0;

    if (*q->system) {
        buffer_print(out, "- **Instructions** (%zu characters) from your project:\n\n",
                     points(q->system));
        quote_write(out, "  ", q->system, INSTRUCTIONS_SHOWN);
        buffer_text(out, "\n");
    } else {
        buffer_text(out, "- **Instructions**: none. Add a prompt to the project and ask again.\n");
    }
    if (earlier)
        buffer_print(out, "- **Earlier messages** in this conversation: %u\n", earlier);
    else
        buffer_text(out, "- **Earlier messages**: none, this is the first one\n");
    if (*q->files)
        buffer_print(out, "- **Files**: %s\n", q->files);
    buffer_print(out, "- **Model** asked for: `%s`", q->model);
    if (q->has_temperature)
        buffer_print(out, ", temperature %g", q->temperature);
    buffer_text(out, "\n\n");
}

void demo_write(struct buffer *out, const struct question *q)
{
    buffer_text(out, "Hello! I am the **demo model**. I run on your own machine and only show "
                     "that everything works; no real model is connected yet.\n\n");
    if (*q->last) {
        buffer_text(out, "You wrote:\n\n");
        quote_write(out, "", q->last, MESSAGE_SHOWN);
        buffer_text(out, "\n");
    }
    buffer_text(out, "With it I received:\n\n");
    context_write(out, q);
    buffer_text(out, "To talk to a real model, set `OPENAI_API_KEY` (or `OPENAI_BASE_URL` for "
                     "any compatible server) in `.env` and start the platform again.\n");
}
