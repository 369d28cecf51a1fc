#pragma once
/*
 * Titles of new conversations.  A turn's end makes one due in its own transaction; a task takes
 * what is due under a lease, asks the model, and stores what came with its next run.  Whoever dies
 * in between is followed by another try, when the lease ends; after TITLE_TRIES there is none.
 */
#include <stddef.h>

struct call;
struct text;
struct titles;

#define TITLES_AT_ONCE 4   /* calls of one process */
#define TITLE_TRIES    3   /* of one conversation */
#define TITLE_LEASE_S  90  /* longer than a call may take */
#define TITLE_MAX      120 /* bytes of a title */

struct titles *titles_new(void);
/* After the upstream has ended.  Accepts NULL. */
void titles_drop(struct titles **t);

/* A periodic task. */
int titles_make(struct call *c);

/*
 * What a model said -> a title of at most TITLE_MAX bytes: its first line that holds anything,
 * without quotes, marks of Markdown, "Title:" and a full stop around it, cut between words.
 * Appends nothing when nothing is left.
 */
void title_clean(struct text *out, const char *said, size_t size);
