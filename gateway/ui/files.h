#pragma once
/* The pages and what they load, built into the program. */
#include <stdbool.h>
#include <stddef.h>

#include "gateway/exchange.h"

struct ui_file {
    const char *name; /* "docs.js"; served at /ui/docs.js unless it is a page (.html) */
    const char *type;
    const char *data;
    size_t size;
    char etag[20]; /* quoted */
};

/* Answers GET of a path below /ui/; false: no such file. */
bool ui_file_answer(struct exchange *x);

/* The file with that name; it exists. */
const struct ui_file *ui_file_named(const char *name);

/* Answers with a file that must outlive the reply, or 304 when the client has it. */
void ui_file_reply(struct exchange *x, const struct ui_file *f);

/* Answers with an HTML page that was made for this request. */
void ui_page_reply(struct exchange *x, const char *html, size_t size);

/* Sets f->etag from its data. */
void ui_file_etag(struct ui_file *f);
