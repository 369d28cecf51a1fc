/* What a model is given: which messages, and how a request says them. */
#include "chatd/upstream/model_input.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/tokens.h"
#include "common/cleanup.h"
#include "common/text.h"

#define TOKENS_PER_MENTION 64 /* of a file: its name, and what became of it */
#define BYTES_OF_TEXT      2  /* per token, of a text that nobody here has read */
#define TOKENS_PER_IMAGE   2000
#define TOKENS_OF_DOCUMENT 1000 /* at least */
#define BYTES_OF_DOCUMENT  16   /* per token */

int64_t model_input_tokens(const char *text, size_t size)
{
    return tokens_estimate(text, size) + MODEL_INPUT_MESSAGE;
}

struct model_message model_question(const char *text, size_t size)
{
    return (struct model_message){.role = MODEL_ROLE_USER,
                                  .text = text,
                                  .size = size,
                                  .tokens = model_input_tokens(text, size)};
}

static bool is_text(const char *mime)
{
    static const char *const texts[] = {"application/json", "application/x-ndjson",
                                        "application/xml", "application/javascript",
                                        "image/svg+xml"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(mime, texts[i]) == 0)
            return true;
    return strncmp(mime, "text/", 5) == 0;
}

int64_t model_input_file_tokens(const char *mime, int64_t bytes)
{
    int64_t tokens = bytes / BYTES_OF_DOCUMENT;

    if (is_text(mime))
        return (bytes + BYTES_OF_TEXT - 1) / BYTES_OF_TEXT + MODEL_INPUT_MESSAGE;
    if (strncmp(mime, "image/", 6) == 0)
        return TOKENS_PER_IMAGE;
    return tokens < TOKENS_OF_DOCUMENT ? TOKENS_OF_DOCUMENT : tokens;
}

/* Returns what the files cost that fit. */
static int64_t files_fit(const struct model_message *m, int64_t budget)
{
    int64_t cost = 0;

    for (size_t i = 0; i < m->file_count; i++) {
        struct model_file *f = &m->files[i];
        if (f->kind == MODEL_FILE_ABSENT)
            continue;
        if (f->tokens > budget - cost) {
            f->kind = MODEL_FILE_ABSENT;
            f->why = MODEL_FILE_LEFT_OUT;
        } else {
            cost += f->tokens;
        }
    }
    return cost;
}

size_t model_input_fit(struct model_message *history, size_t count, int64_t budget)
{
    size_t kept = count; /* history[kept..] stays */
    int64_t cost = 0;

    for (size_t i = count; i-- > 0;) {
        cost += history[i].tokens;
        cost += (int64_t)history[i].file_count * TOKENS_PER_MENTION;
        if (cost > budget)
            break;
        if (history[i].role == MODEL_ROLE_USER) {
            kept = i;
            cost += files_fit(&history[i], budget - cost);
        }
    }
    return kept;
}

int64_t model_message_tokens(const struct model_message *m)
{
    int64_t tokens = m->tokens;

    for (size_t i = 0; i < m->file_count; i++)
        tokens += m->files[i].kind == MODEL_FILE_ABSENT ? TOKENS_PER_MENTION : m->files[i].tokens;
    return tokens;
}

int64_t model_input_cost(const struct model_input *in)
{
    int64_t tokens = model_message_tokens(&in->message);

    for (size_t i = 0; i < in->prompt_count; i++)
        tokens += model_input_tokens(in->prompts[i], strlen(in->prompts[i]));
    for (size_t i = 0; i < in->history_count; i++)
        tokens += model_message_tokens(&in->history[i]);
    return tokens;
}

/* ---- writing ---- */

static bool is_part(const struct model_file *f)
{
    return f->kind == MODEL_FILE_ID || f->kind == MODEL_FILE_IMAGE;
}

static size_t parts_count(const struct model_message *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->file_count; i++)
        n += is_part(&m->files[i]);
    return n;
}

/* The provider knows its copies by other names. */
static void parts_name(struct text *out, const struct model_message *m)
{
    const char *between = "[Attached, in this order: ";

    for (size_t i = 0; i < m->file_count; i++) {
        if (!is_part(&m->files[i]))
            continue;
        text_printf(out, "%s\"%s\"", between, m->files[i].name);
        between = ", ";
    }
    text_puts(out, "]\n");
}

/* A name within a tag. */
static void name_quote(struct text *out, const char *name)
{
    for (; *name; name++) {
        if (*name == '"')
            text_puts(out, "&quot;");
        else if (*name == '<')
            text_puts(out, "&lt;");
        else if (*name == '&')
            text_puts(out, "&amp;");
        else
            text_putc(out, *name);
    }
}

static void file_say(struct text *out, const struct model_file *f)
{
    if (f->kind == MODEL_FILE_ABSENT && f->name)
        text_printf(out, "[The file \"%s\" was attached here: %s.]\n", f->name, f->why);
    else if (f->kind == MODEL_FILE_ABSENT)
        text_printf(out, "[A file was attached here: %s.]\n", f->why);
    if (f->kind != MODEL_FILE_TEXT)
        return;
    text_puts(out, "<file name=\"");
    name_quote(out, f->name);
    text_puts(out, "\">\n");
    text_add(out, f->text, f->size);
    text_puts(out, f->size && f->text[f->size - 1] == '\n' ? "</file>\n" : "\n</file>\n");
}

/* What of the files is text, then the message's own. */
static void text_say(struct text *out, const struct model_message *m)
{
    if (parts_count(m))
        parts_name(out, m);
    for (size_t i = 0; i < m->file_count; i++) {
        assert(m->files[i].kind != MODEL_FILE_UNKNOWN);
        file_say(out, &m->files[i]);
    }
    text_putc(out, '\n');
    text_add(out, m->text, m->size);
}

static void content(struct text *out, const struct model_message *m,
                    const struct model_words *words)
{
    cleanup(text_drop) struct text all = {0};

    if (!m->file_count) {
        text_json(out, m->text, m->size);
        return;
    }
    text_say(&all, m);
    if (!parts_count(m)) {
        text_json(out, all.data, all.size);
        return;
    }
    text_putc(out, '[');
    for (size_t i = 0; i < m->file_count; i++) {
        if (!is_part(&m->files[i]))
            continue;
        assert(words->file_part);
        words->file_part(out, &m->files[i]);
        text_putc(out, ',');
    }
    text_putc(out, '{');
    text_member_str(out, "type", words->text_type);
    text_json_name(out, "text");
    text_json(out, all.data, all.size);
    text_puts(out, "}]");
}

static void message(struct text *out, const char *role, const struct model_message *m,
                    const struct model_words *words)
{
    text_puts(out, out->data[out->size - 1] == '[' ? "{" : ",{");
    text_member_str(out, "role", role);
    text_json_name(out, "content");
    content(out, m, words);
    text_putc(out, '}');
}

static void said(struct text *out, const struct model_message *m, const struct model_words *words)
{
    message(out, m->role == MODEL_ROLE_USER ? "user" : "assistant", m, words);
}

void model_input_begin(struct text *out, const struct model_input *in,
                       const struct model_words *words)
{
    text_putc(out, '{');
    text_member_str(out, "model", in->model);
    text_json_name(out, words->messages);
    text_putc(out, '[');
    for (size_t i = 0; i < in->prompt_count; i++) {
        struct model_message prompt = {.text = in->prompts[i], .size = strlen(in->prompts[i])};
        message(out, "system", &prompt, words);
    }
    for (size_t i = 0; i < in->history_count; i++)
        said(out, &in->history[i], words);
    said(out, &in->message, words);
    text_putc(out, ']');
    if (in->has_temperature && isfinite(in->temperature)) {
        text_json_name(out, "temperature");
        text_printf(out, "%.15g", in->temperature);
    }
    if (in->max_output_tokens > 0)
        text_member_i64(out, words->limit, in->max_output_tokens);
}

void model_input_build(struct text *out, const struct dialect *dialect,
                       const struct model_input *in)
{
    dialect->build(out, in);
}
