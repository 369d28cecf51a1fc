/* The SQLite file of the platform that this one follows. */
#include "deploy/admin/seed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/json.h"

#define TEXT_MAX    (16 << 20)           /* of one value */
#define HEAP_MAX    (INT64_C(512) << 20) /* besides the file */
#define STEPS_EACH  1000000              /* of SQLite's machine between two looks at ... */
#define LOOKS_MAX   2000                 /* ... how much a statement has done */
#define OTHERS_MAX  1000                 /* tables that are looked at; a damaged list has no end */
#define WAL_VERSION 18                   /* where the header says that there is a log */
#define HEADER_SIZE 100

static const struct {
    const char *table, *owner, *text[2];
} tables[] = {
#define SEED_TABLE(kind, table, owner, ...) [SEED_##kind] = {table, owner, {__VA_ARGS__}},
#include "deploy/admin/seed_tables.def"
};

struct seed_file {
    sqlite3 *db;
    sqlite3_stmt *rows, *others;
    bool has_owner, has_text[2];
    int looks, others_seen;
    char why[256];
};

static void statement_drop(sqlite3_stmt **s)
{
    sqlite3_finalize(*s);
    *s = NULL;
}

static const char *wrong(struct seed_file *f, const char *what, const char *table)
{
    snprintf(f->why, sizeof f->why, "%s %s: %s", what, table, sqlite3_errmsg(f->db));
    return f->why;
}

/* ---- opening ---- */

/* Not 0: the statement does too much. */
static int look(void *state)
{
    struct seed_file *f = state;

    return ++f->looks > LOOKS_MAX;
}

static void defend(struct seed_file *f)
{
    sqlite3 *db = f->db;

    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_progress_handler(db, STEPS_EACH, look, f);
    sqlite3_hard_heap_limit64(HEAP_MAX);
}

/* bytes are SQLite's, and go with the connection. */
static const char *bytes_open(unsigned char *bytes, int64_t size, struct seed_file **ret)
{
    struct seed_file *f = calloc(1, sizeof *f);

    if (!f)
        abort();
    *ret = f;
    if (size < HEADER_SIZE || memcmp(bytes, "SQLite format 3", 16) != 0) {
        sqlite3_free(bytes);
        return "is no SQLite file";
    }
    /* closed well, nothing is in the log; SQLite opens no file in memory that has one */
    bytes[WAL_VERSION] = bytes[WAL_VERSION + 1] = 1;
    if (sqlite3_open_v2(":memory:", &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL)) {
        sqlite3_free(bytes);
        return "SQLite does not open";
    }
    if (sqlite3_deserialize(f->db, "main", bytes, size, size,
                            SQLITE_DESERIALIZE_READONLY | SQLITE_DESERIALIZE_FREEONCLOSE))
        return "SQLite does not take it";
    defend(f);
    if (sqlite3_exec(f->db, "PRAGMA cell_size_check = ON; SELECT count(*) FROM sqlite_schema", NULL,
                     NULL, NULL))
        return wrong(f, "the file", "cannot be read");
    return NULL;
}

const char *seed_open_bytes(const void *data, size_t size, struct seed_file **ret)
{
    unsigned char *bytes = sqlite3_malloc64(size + 1);

    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    return bytes_open(bytes, (int64_t)size, ret);
}

/* Whether a file beside it has what is not in it yet. */
static bool is_in_use(const char *path)
{
    static const char *const endings[] = {"-wal", "-journal"};
    char beside[4096];
    struct stat s;

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(beside, sizeof beside, "%s%s", path, endings[i]);
        if (stat(beside, &s) == 0 && s.st_size > 0)
            return true;
    }
    return false;
}

static const char *bytes_read(int fd, unsigned char *bytes, int64_t size)
{
    for (int64_t at = 0; at < size;) {
        ssize_t n = read(fd, bytes + at, (size_t)(size - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? strerror(errno) : "is shorter than it said";
        at += n;
    }
    return NULL;
}

const char *seed_open(const char *path, struct seed_file **ret)
{
    bool is_input = strcmp(path, "-") == 0;
    cleanup(fd_drop) int fd = is_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *bytes;
    const char *why;
    struct stat s;

    *ret = NULL;
    if (fd < 0 || fstat(fd, &s))
        return strerror(errno);
    if (!S_ISREG(s.st_mode))
        return "is no file";
    if (s.st_size > SEED_BYTES_MAX)
        return "has more than 1 GiB";
    if (!is_input && is_in_use(path))
        return "is in use, or was not closed: stop the platform that it belongs to";
    bytes = sqlite3_malloc64((sqlite3_uint64)s.st_size + 1);
    if (!bytes)
        return "there is not enough memory for it";
    why = bytes_read(fd, bytes, s.st_size);
    if (!why)
        return bytes_open(bytes, s.st_size, ret);
    sqlite3_free(bytes);
    return why;
}

void seed_close(struct seed_file **f)
{
    if (!*f)
        return;
    statement_drop(&(*f)->rows);
    statement_drop(&(*f)->others);
    sqlite3_close((*f)->db);
    free(*f);
    *f = NULL;
}

/* ---- rows ---- */

static bool column_is_there(struct seed_file *f, const char *table, const char *name)
{
    return sqlite3_table_column_metadata(f->db, "main", table, name, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

/* The first of names that the table has, as an expression; "NULL" if it has none. */
static bool column_choose(struct seed_file *f, const char *table, const char *names, char ret[64])
{
    snprintf(ret, 64, "NULL");
    for (const char *at = names; at && *at; at += *at == ',') {
        char name[32];
        size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        if (column_is_there(f, table, name)) {
            snprintf(ret, 64, "\"%s\"", name);
            return true;
        }
        at += n;
    }
    return !names;
}

const char *seed_begin(struct seed_file *f, enum seed_kind kind)
{
    const char *table = tables[kind].table;
    char sql[400], owner[64], text[2][64];
    bool whole = column_is_there(f, table, "id");

    statement_drop(&f->rows);
    f->looks = 0;
    whole &= column_choose(f, table, tables[kind].owner, owner);
    for (int i = 0; i < 2; i++)
        whole &= column_choose(f, table, tables[kind].text[i], text[i]);
    if (!whole) {
        snprintf(f->why, sizeof f->why,
                 "there is no table %s with the columns id%s%s, %s%s%s (a comma: one of these)",
                 table, tables[kind].owner ? ", " : "",
                 tables[kind].owner ? tables[kind].owner : "", tables[kind].text[0],
                 tables[kind].text[1] ? ", " : "",
                 tables[kind].text[1] ? tables[kind].text[1] : "");
        return f->why;
    }
    snprintf(sql, sizeof sql, "SELECT id, %s, %s, %s FROM main.\"%s\" ORDER BY id", owner, text[0],
             text[1], table);
    return sqlite3_prepare_v2(f->db, sql, -1, &f->rows, NULL) ? wrong(f, "table", table) : NULL;
}

static int64_t integer(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_INTEGER ? sqlite3_column_int64(s, column) : 0;
}

static const char *text(sqlite3_stmt *s, int column)
{
    const char *value;
    size_t size;

    if (sqlite3_column_type(s, column) != SQLITE_TEXT)
        return NULL;
    value = (const char *)sqlite3_column_text(s, column);
    size = (size_t)sqlite3_column_bytes(s, column);
    return value && strlen(value) == size && utf8_check(value, size) ? value : NULL;
}

int seed_next(struct seed_file *f, struct seed_row *ret, const char **reterr_why)
{
    int r = sqlite3_step(f->rows);

    if (r == SQLITE_ROW) {
        *ret = (struct seed_row){.id = integer(f->rows, 0),
                                 .owner = integer(f->rows, 1),
                                 .text = {text(f->rows, 2), text(f->rows, 3)}};
        return 1;
    }
    if (r == SQLITE_DONE)
        return 0;
    *reterr_why = wrong(f, "the file", "cannot be read");
    return -1;
}

const char *seed_check(struct seed_file *f)
{
    const char *why = NULL;
    struct seed_row row;

    for (int kind = 0; !why && kind < SEED_KINDS; kind++) {
        why = seed_begin(f, (enum seed_kind)kind);
        while (!why && seed_next(f, &row, &why) > 0)
            ;
    }
    return why;
}

/* ---- what is left out ---- */

static bool is_taken(const char *table)
{
    for (int i = 0; i < SEED_KINDS; i++)
        if (sqlite3_stricmp(tables[i].table, table) == 0)
            return true;
    return strncmp(table, "sqlite_", 7) == 0 || strcmp(table, "alembic_version") == 0;
}

static bool rows_of(struct seed_file *f, const char *table, int64_t *ret)
{
    cleanup(statement_drop) sqlite3_stmt *s = NULL;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM main.\"%w\"", table);
    bool read = sql && sqlite3_prepare_v2(f->db, sql, -1, &s, NULL) == SQLITE_OK &&
                sqlite3_step(s) == SQLITE_ROW;

    if (read)
        *ret = sqlite3_column_int64(s, 0);
    sqlite3_free(sql);
    return read;
}

bool seed_other(struct seed_file *f, const char **ret_name, int64_t *ret_rows)
{
    if (!f->others &&
        sqlite3_prepare_v2(f->db, "SELECT name FROM main.sqlite_schema WHERE type = 'table'", -1,
                           &f->others, NULL))
        return false;
    while (f->others_seen++ < OTHERS_MAX && sqlite3_step(f->others) == SQLITE_ROW) {
        *ret_name = text(f->others, 0);
        f->looks = 0;
        if (*ret_name && !is_taken(*ret_name) && rows_of(f, *ret_name, ret_rows) && *ret_rows)
            return true;
    }
    return false;
}
