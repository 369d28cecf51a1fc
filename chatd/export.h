#pragma once
/*
 * Conversations as files: what is read of the database a page at a time, and the formats that write
 * it.  Formats are pure; both write the same facts, see README.md for what they look like.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct text;

#define EXPORT_MESSAGES_MAX 100000 /* of one conversation */

struct export_file {
    const char *filename, *sha256; /* hex */
    int64_t bytes;
};

/* Times are text as PostgreSQL writes it. */
struct export_head {
    int64_t id, project_id;
    const char *title; /* NULL: none */
    bool pinned, archived;
    const char *created_at, *updated_at;
    int64_t all;   /* messages of all branches */
    int64_t count; /* messages that are exported */
    int64_t leaf;  /* place of the newest one of the branch that is shown, -1: none */
};

struct export_message {
    int64_t n;      /* its place among those that are exported, from 0 */
    int64_t parent; /* the place of the one before it, -1: none */
    const char *role, *status, *content, *created_at;
    int64_t rating;        /* 1, -1; 0: none */
    const char *note;      /* or NULL */
    const char *made_with; /* JSON object, or NULL */
    const struct export_file *files;
    size_t file_count;
};

struct export_format {
    const char *name, *type, *ending; /* "json", media type, ".json" */
    bool branch;                      /* only the branch that is shown */
    /* Each appends to out. */
    void (*begin)(struct text *out, const struct export_head *h);
    void (*message)(struct text *out, const struct export_message *m);
    void (*end)(struct text *out, const struct export_head *h);
};

extern const struct export_format export_json, export_markdown;

struct export;

/*
 * Begins to export the caller's conversation.  DONE; NOT_FOUND; LIMIT_REACHED: it has more than
 * EXPORT_MESSAGES_MAX messages; or what the database says.
 */
int export_open(struct call *c, int64_t conversation, const struct export_format *format,
                struct export **ret) __attribute__((warn_unused_result));
void export_drop(struct export **e);
const struct export_head *export_head(const struct export *e);

/* Goes on at the message with that place, as if all before it had been written; 0: at the head. */
void export_seek(struct export *e, int64_t n);
/* Where export_next() goes on. */
int64_t export_at(const struct export *e);

/*
 * Appends what comes next: the head, a page of messages (64, or some 512 KiB of text, or one that
 * is longer), the end.  *ret_more: there is more.  NOT_FOUND: the conversation was deleted
 * meanwhile; UNAVAILABLE: filed, which knows the names of files, does not answer.
 */
int export_next(struct call *c, struct export *e, struct text *out, bool *ret_more)
    __attribute__((warn_unused_result));
