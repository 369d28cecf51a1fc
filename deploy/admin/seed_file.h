#pragma once
/*
 * The SQLite file of the platform that this one follows (its app.db): users, projects, prompts.
 *
 * The file is not trusted.  It is read as bytes into memory and opened there, read only, with
 * SQLite's defences on: no views, no triggers, no functions of the schema's own, a bound on memory
 * and on the work of a statement.  Nothing beside it (journal, write-ahead log) is read.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEED_BYTES_MAX (INT64_C(1) << 30)

struct seed_file;

enum seed_kind {
#define SEED_TABLE(kind, ...) SEED_##kind,
#include "deploy/admin/seed_tables.def"
    SEED_KINDS
};

#define SEED_COLUMNS_MAX 4

/* One row; texts are valid until the next one. */
struct seed_row {
    int64_t id;    /* 0: none, or no integer */
    int64_t owner; /* user of a project, project of a prompt; 0 */
    /* Of a user: address, hash; of a project: name; of a prompt: name, content.  NULL: missing, no
     * text, not UTF-8, or with a NUL in it. */
    const char *text[2];
};

/* Reads path ("-": standard input).  0, or a text for people. */
const char *seed_open(const char *path, struct seed_file **ret) __attribute__((warn_unused_result));
/* The same for what is in memory, which is copied. */
const char *seed_open_bytes(const void *data, size_t size, struct seed_file **ret)
    __attribute__((warn_unused_result));
void seed_close(struct seed_file **f);

/* Begins with the first row of a kind, by id.  NULL, or why it cannot be read. */
const char *seed_begin(struct seed_file *f, enum seed_kind kind)
    __attribute__((warn_unused_result));
/* 1: a row; 0: the end; -1: *reterr_why. */
int seed_next(struct seed_file *f, struct seed_row *ret, const char **reterr_why)
    __attribute__((warn_unused_result));

/* Reads all rows of all kinds, so that a file that breaks off or lacks a table is known before
 * anything of it is taken.  NULL, or why it cannot be read. */
const char *seed_check(struct seed_file *f) __attribute__((warn_unused_result));

/* Tables that are neither, and how many rows they have; each call tells the next one.  False: no
 * other one. */
bool seed_other(struct seed_file *f, const char **ret_name, int64_t *ret_rows);
