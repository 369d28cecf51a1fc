#pragma once
/*
 * The pages and what they load, built into the program.
 *
 * /ui/NAME                a file as it is now: browsers ask each time whether theirs is still good
 * /ui/VERSION/NAME        the same for ever; pages name their files so.  A gateway of another
 *                         version answers with what it has, which is not kept
 */
#include <stdbool.h>
#include <stddef.h>

#include "gateway/exchange.h"
#include "gateway/ui/embed.h"

#define ETAG_SIZE 24

/* Answers GET of a path below /ui/; false: no such file. */
bool ui_file_answer(struct exchange *x);

/* The file with that name; it exists. */
const struct ui_blob *ui_file_named(const char *name);

/* Answers with a page, or 304 when the client has it. */
void ui_file_reply(struct exchange *x, const struct ui_blob *f);

/* What every page says: it runs our own scripts and styles only, and talks to us only. */
void page_headers(struct exchange *x);

/* Sets the entity tag (quoted), and the status 304 when the client has that one: then true. */
bool page_is_known(struct exchange *x, const char *etag);
