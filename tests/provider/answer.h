#pragma once
/* The answer: the whole text of a call, and where its deltas begin and end. */
#include <stdbool.h>
#include <stddef.h>

struct behaviour;
struct buffer;
struct question;

struct answer {
    char *text;
    size_t length;
    unsigned deltas;
    bool truncated;    /* max_output_tokens cut it */
    size_t whole;      /* length before that */
    unsigned exact;    /* asked for that many deltas; 0: by size */
    unsigned by_bytes; /* bytes of a delta; 0: 4 to 12 */
};

void answer_make(struct answer *a, const struct behaviour *b, const struct question *q);
void answer_free(struct answer *a);

/* End of delta `k` that begins at `from`; whole code points. */
size_t answer_next(const struct answer *a, unsigned k, size_t from);

/* Where delta `k` begins. */
size_t answer_offset(const struct answer *a, unsigned k);

/* Puts a question's values into a template's {names}. */
void template_write(struct buffer *out, const char *template, const struct question *q);

/* The text of a model that was told nothing. */
void demo_write(struct buffer *out, const struct question *q);
