/* The answer: made in full when a call begins, so that any part of it can be shown again. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "behaviour.h"
#include "buffer.h"
#include "question.h"
#include "text.h"

enum {
    ANSWER_MAX = 4 << 20,
    FILLER_BYTES = 6,
    TOKEN_BYTES = 4, /* what this server calls a token */
};

static bool value_write(struct buffer *out, const char *name, size_t length,
                        const struct question *q)
{
    const struct {
        const char *name;
        const char *text;
    } values[] = {
        {"last", q->last},
        {"system", q->system},
        {"model", q->model},
        {"files", q->files},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (strlen(values[i].name) == length && !memcmp(values[i].name, name, length)) {
            buffer_text(out, values[i].text);
            return true;
        }
    }
    if (length == 1 && *name == 'n')
        buffer_number(out, q->messages);
    else if (length == 7 && !memcmp(name, "earlier", 7))
        buffer_number(out, q->messages ? q->messages - 1 : 0);
    else if (length == 4 && !memcmp(name, "call", 4))
        buffer_number(out, (long long)q->call);
    else
        return false;
    return true;
}

void template_write(struct buffer *out, const char *template, const struct question *q)
{
    while (*template && buffer_length(out) < ANSWER_MAX) {
        size_t plain = strcspn(template, "{"), name;

        buffer_add(out, template, plain);
        template += plain;
        if (!*template)
            break;
        name = strcspn(template + 1, "}");
        if (template[1 + name] && value_write(out, template + 1, name, q)) {
            template += name + 2;
        } else {
            buffer_add(out, "{", 1);
            template ++;
        }
    }
}

/* "00000 00001 00002 ": a reader can see which deltas arrived. */
static void filler_write(struct buffer *out, unsigned count, unsigned bytes)
{
    for (unsigned k = 0; k < count; k++) {
        char *at = buffer_reserve(out, bytes);
        unsigned number = k;

        memset(at, '0', bytes);
        at[bytes - 1] = ' ';
        for (unsigned i = bytes > 1 ? bytes - 1 : 1; i-- && number; number /= 10)
            at[i] = (char)('0' + number % 10);
        buffer_took(out, bytes);
    }
}

static void answer_write(struct answer *a, struct buffer *out, const struct behaviour *b,
                         const struct question *q)
{
    unsigned count = (unsigned)b->knobs.deltas, bytes = (unsigned)b->knobs.delta_bytes;

    a->by_bytes = bytes;
    if (b->reply) {
        template_write(out, b->reply, q);
        a->exact = count;
    } else if (count) {
        bytes = bytes ? bytes : FILLER_BYTES;
        if ((size_t)count * bytes > ANSWER_MAX)
            bytes = ANSWER_MAX / count;
        a->by_bytes = bytes;
        filler_write(out, count, bytes);
    } else {
        demo_write(out, q);
    }
}

static void answer_spoil(struct buffer *out)
{
    static const char bad[] = "\xff\xc3(";
    size_t middle = text_floor(out->data, out->end, out->end / 2);

    buffer_reserve(out, sizeof bad - 1);
    memmove(out->data + middle + sizeof bad - 1, out->data + middle, out->end - middle);
    memcpy(out->data + middle, bad, sizeof bad - 1);
    buffer_took(out, sizeof bad - 1);
}

void answer_make(struct answer *a, const struct behaviour *b, const struct question *q)
{
    struct buffer out = {0};

    answer_write(a, &out, b, q);
    if (b->knobs.bad_utf8)
        answer_spoil(&out);
    a->length = buffer_length(&out);
    a->text = buffer_take(&out);
    a->length = text_floor(a->text, a->length, ANSWER_MAX);
    a->whole = a->length;
    if (q->max_tokens && (size_t)q->max_tokens < (a->length + TOKEN_BYTES - 1) / TOKEN_BYTES) {
        a->length = text_floor(a->text, a->length, (size_t)q->max_tokens * TOKEN_BYTES);
        a->truncated = true;
    }
    for (size_t at = 0; at < a->length; a->deltas++)
        at = answer_next(a, a->deltas, at);
}

void answer_free(struct answer *a)
{
    free(a->text);
    *a = (struct answer){0};
}

size_t answer_next(const struct answer *a, unsigned k, size_t from)
{
    size_t end = from + (a->by_bytes ? a->by_bytes : 4 + k * 7 % 9);

    if (a->exact)
        end = k + 1 < a->exact ? a->whole * (k + 1) / a->exact : a->whole;
    end = text_floor(a->text, a->length, end);
    /* a code point wider than the delta: take it whole */
    for (size_t want = from + 1; end <= from && !a->exact && want <= a->length; want++)
        end = text_floor(a->text, a->length, want);
    return end;
}

size_t answer_offset(const struct answer *a, unsigned k)
{
    size_t at = 0;

    for (unsigned i = 0; i < k && at < a->length; i++)
        at = answer_next(a, i, at);
    return at;
}
