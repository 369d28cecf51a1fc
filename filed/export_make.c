/*
 * What is in the archive of an account, in this order: account.json, projects/K.json with the
 * project, its prompts and the list of its files, files/SHA256 with each content once, and
 * projects/K/conversations/N.json as conversation_export tells them.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/json.h"
#include "filed/archive.h"
#include "filed/exports.h"
#include "filed/queries.h"
#include "filed/tar.h"
#include "proto/envelope.h"

#define ASK_US 10000000 /* for another daemon to answer */

struct projects {
    int64_t *list; /* ids */
    int64_t count, capacity;
};

static void projects_drop(struct projects *p)
{
    free(p->list);
}

static void projects_add(struct projects *p, int64_t id)
{
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 64;
        p->list = realloc(p->list, (size_t)p->capacity * sizeof *p->list);
        if (!p->list)
            abort();
    }
    p->list[p->count++] = id;
}

/* Asks with one or two numbers.  The reply lives until the next question. */
static int ask(struct making *m, enum op_id op, const char *name, int64_t value, const char *name2,
               int64_t value2, struct json_object **ret, const char **ret_text)
{
    char data[96], number[24];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *why;
    size_t size;
    int r;

    arena_reset(&m->call.arena);
    m->call.deadline_us = clock_us() + ASK_US;
    snprintf(number, sizeof number, "%" PRId64, value);
    params_add(&params, name, number, strlen(number));
    snprintf(number, sizeof number, "%" PRId64, value2);
    if (name2)
        params_add(&params, name2, number, strlen(number));
    r = m->go_on(m);
    if (!r)
        r = call_peer(&m->call, op, &params, ret_text, &size);
    if (!r && json_parse(*ret_text, size, ret, &why))
        return FAULT("%s: %s", api_op(op)->name, why);
    return r;
}

static int add_text(struct archive *a, const char *text)
{
    return archive_add(a, text, strlen(text));
}

static int account_write(struct making *m, struct archive *a)
{
    char text[160], when[32];
    time_t now = time(NULL);
    struct tm tm;
    int r = archive_begin(a, "account.json");

    (void)m;
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    snprintf(text, sizeof text,
             "{\"format\":\"chatbot-account\",\"version\":1,\"created_at\":\"%s\"}\n", when);
    if (!r)
        r = add_text(a, text);
    return r ? r : archive_end(a);
}

/* ---- projects ---- */

static void file_write(struct text *out, const struct pg_result *rows, int row)
{
    text_putc(out, '{');
    text_member_str(out, "filename", rows_str(rows, row, 1));
    text_member_i64(out, "bytes", rows_i64(rows, row, 2));
    text_member_str(out, "mime", rows_str(rows, row, 3));
    text_member_str(out, "sha256", rows_str(rows, row, 4));
    text_json_name(out, "created_at");
    time_json(out, rows_str(rows, row, 5), strlen(rows_str(rows, row, 5)));
    text_putc(out, '}');
}

static int files_list(struct making *m, struct archive *a, int64_t project)
{
    cleanup(text_drop) struct text out = {0};
    int64_t after = 0;
    int r, n = 0;

    do {
        cleanup(rows_drop) struct pg_result *rows = NULL;
        r = db_rows(&m->call, Q_export_files, ARGS(m->call.caller, project, after), &rows);
        n = r ? 0 : rows_count(rows);
        text_clear(&out);
        for (int i = 0; i < n; i++) {
            text_puts(&out, after ? ",\n" : "\n");
            file_write(&out, rows, i);
            after = rows_i64(rows, i, 0);
        }
        if (n)
            r = archive_add(a, out.data, out.size);
    } while (!r && n);
    return r;
}

static int project_write(struct making *m, struct archive *a, int64_t number, int64_t id,
                         const char *text)
{
    char name[TAR_NAME_MAX + 1];
    int r;

    snprintf(name, sizeof name, "projects/%" PRId64 ".json", number);
    r = archive_begin(a, name);
    if (!r)
        r = add_text(a, "{\"project\":");
    if (!r)
        r = add_text(a, text);
    if (!r)
        r = add_text(a, ",\n\"files\":[");
    if (!r)
        r = files_list(m, a, id);
    if (!r)
        r = add_text(a, "]}\n");
    return r ? r : archive_end(a);
}

static int projects_write(struct making *m, struct archive *a, struct projects *all)
{
    int64_t after = 0;

    for (;;) {
        cleanup(json_drop) struct json_object *o = NULL;
        const char *text = NULL;
        int r = ask(m, OP_project_archive, "after", after, NULL, 0, &o, &text);
        if (r)
            return r == NOT_FOUND ? DONE : r;
        after = json_i64(o, "id", INT64_MAX);
        projects_add(all, after);
        r = project_write(m, a, all->count, after, text);
        if (r)
            return r;
        m->projects++;
    }
}

/* ---- contents of files ---- */

static int content_copy(struct making *m, struct archive *a, int fd)
{
    char *piece = malloc(DATA_MAX);
    ssize_t n = 0;
    int r = DONE;

    if (!piece)
        abort();
    while (!r && (n = read(fd, piece, DATA_MAX)) > 0) {
        r = archive_add(a, piece, (size_t)n);
        if (!r)
            r = m->go_on(m);
    }
    free(piece);
    return n < 0 ? FAULT("content: %s", strerror(errno)) : r;
}

/* One whose last file was deleted just now may be gone. */
static int content_write(struct making *m, struct archive *a, const char *sha256)
{
    cleanup(fd_drop) int fd = -1;
    char name[TAR_NAME_MAX + 1];
    int r = store_read(m->store, m->call.caller, sha256, &fd);

    if (r)
        return r == NOT_FOUND ? DONE : r;
    snprintf(name, sizeof name, "files/%s", sha256);
    r = archive_begin(a, name);
    if (!r)
        r = content_copy(m, a, fd);
    if (!r)
        r = archive_end(a);
    m->files += !r;
    return r;
}

static int contents_write(struct making *m, struct archive *a)
{
    char after[SHA256_HEX] = "";
    int r, n;

    do {
        cleanup(rows_drop) struct pg_result *rows = NULL;
        r = db_rows(&m->call, Q_export_contents, ARGS(m->call.caller, (const char *)after), &rows);
        n = r ? 0 : rows_count(rows);
        for (int i = 0; i < n && !r; i++) {
            snprintf(after, sizeof after, "%s", rows_str(rows, i, 0));
            r = content_write(m, a, after);
        }
    } while (!r && n);
    return r;
}

/* ---- conversations ---- */

static int pieces_write(struct making *m, struct archive *a, int64_t conversation)
{
    int64_t at = 0;

    do {
        cleanup(json_drop) struct json_object *o = NULL;
        struct json_object *piece;
        const char *text;
        int r =
            ask(m, OP_conversation_archive, "conversation_id", conversation, "at", at, &o, &text);
        if (r)
            return r;
        piece = json_member(o, "text");
        r = archive_add(a, json_object_get_string(piece),
                        (size_t)json_object_get_string_len(piece));
        if (r)
            return r;
        at = json_i64(o, "next", 0);
    } while (at);
    return DONE;
}

/* One that is deleted meanwhile is left out. */
static int conversation_write(struct making *m, struct archive *a, int64_t project_number,
                              int64_t number, int64_t conversation)
{
    char name[TAR_NAME_MAX + 1];
    int r;

    snprintf(name, sizeof name, "projects/%" PRId64 "/conversations/%" PRId64 ".json",
             project_number, number);
    r = archive_begin(a, name);
    if (!r)
        r = pieces_write(m, a, conversation);
    if (r == NOT_FOUND)
        return archive_undo(a);
    if (r == LIMIT_REACHED)
        return TOO_LARGE;
    if (!r)
        r = archive_end(a);
    m->conversations += !r;
    return r;
}

static int conversations_write(struct making *m, struct archive *a, int64_t number, int64_t project)
{
    int64_t after = 0;

    for (int64_t n = 1;; n++) {
        cleanup(json_drop) struct json_object *o = NULL;
        const char *text;
        int r = ask(m, OP_conversation_next, "project_id", project, "after", after, &o, &text);
        if (r)
            return r == NOT_FOUND ? DONE : r;
        after = json_i64(o, "id", INT64_MAX);
        r = conversation_write(m, a, number, n, after);
        if (r)
            return r;
    }
}

int export_make(struct making *m, int64_t *ret_bytes, char ret_sha256[SHA256_HEX])
{
    cleanup(archive_drop) struct archive *a = NULL;
    cleanup(projects_drop) struct projects all = {0};
    int r = archive_open(m->store, m->id, m->try, &a);

    if (!r)
        r = account_write(m, a);
    if (!r)
        r = projects_write(m, a, &all);
    if (!r)
        r = contents_write(m, a);
    for (int64_t i = 0; !r && i < all.count; i++)
        r = conversations_write(m, a, i + 1, all.list[i]);
    if (!r)
        r = m->go_on(m);
    return r ? r : archive_finish(a, ret_bytes, ret_sha256);
}
