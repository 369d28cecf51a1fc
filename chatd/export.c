/* conversation_export: a conversation of any length, a page of it in memory. */
#include "chatd/export.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/files_named.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/json.h"
#include "proto/envelope.h"

#define PAGE_MESSAGES 64
#define PAGE_BYTES    (512 << 10)
#define ARCHIVE_BYTES (4 << 20) /* of pages, in one answer to conversation_archive */
#define TITLE_BYTES   80        /* bytes of a title that become a file name */

struct exported {
    int64_t id, bytes;
};

struct export
{
    const struct export_format *format;
    struct export_head head;
    struct arena arena; /* of the head's strings */
    struct exported *places;
    int64_t at; /* of the next message */
    bool begun;
};

/* ---- opening ---- */

static int head_read(struct call *c, struct export *e, int64_t conversation, int64_t *ret_leaf)
{
    struct export_head *h = &e->head;

    h->id = conversation;
    return db_get(c, Q_export_head, ARGS(c->caller, conversation),
                  INTO(&h->project_id, &h->title, &h->pinned, &h->archived, ret_leaf,
                       &h->created_at, &h->updated_at, &h->all));
}

static int places_read(struct call *c, struct export *e, int64_t leaf)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    const int64_t most = EXPORT_MESSAGES_MAX + 1;
    int r = e->format->branch
                ? db_rows(c, Q_export_branch, ARGS(c->caller, e->head.id, most, leaf), &rows)
                : db_rows(c, Q_export_tree, ARGS(c->caller, e->head.id, most), &rows);

    if (r)
        return r;
    e->head.count = rows_count(rows);
    if (e->head.count >= most)
        return refuse(c, LIMIT_REACHED, NULL,
                      "a conversation of more than %d messages is not exported",
                      EXPORT_MESSAGES_MAX);
    e->places = calloc((size_t)e->head.count + 1, sizeof *e->places);
    if (!e->places)
        abort();
    for (int i = 0; i < rows_count(rows); i++)
        e->places[i] = (struct exported){rows_i64(rows, i, 0), rows_i64(rows, i, 1)};
    return DONE;
}

static int place_compare(const void *a, const void *b)
{
    const struct exported *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* The place of a message, -1: it is not among them. */
static int64_t place_of(const struct export *e, int64_t id)
{
    const struct exported key = {.id = id};
    const struct exported *p =
        bsearch(&key, e->places, (size_t)e->head.count, sizeof key, place_compare);

    return p ? p - e->places : -1;
}

int export_open(struct call *c, int64_t conversation, const struct export_format *format,
                struct export **ret)
{
    cleanup(export_drop) struct export *e = calloc(1, sizeof *e);
    struct arena call = c->arena;
    int64_t leaf = 0;
    int r;

    if (!e)
        abort();
    e->format = format;
    c->arena = (struct arena){0}; /* the head outlives what the call needs besides */
    r = head_read(c, e, conversation, &leaf);
    e->arena = c->arena;
    c->arena = call;
    if (!r)
        r = places_read(c, e, leaf);
    if (r)
        return r;
    e->head.leaf = place_of(e, leaf);
    *ret = TAKE(e);
    return DONE;
}

void export_drop(struct export **e)
{
    if (!*e)
        return;
    arena_drop(&(*e)->arena);
    free((*e)->places);
    free(*e);
    *e = NULL;
}

const struct export_head *export_head(const struct export *e)
{
    return &e->head;
}

void export_seek(struct export *e, int64_t n)
{
    e->at = n < e->head.count ? n : e->head.count;
    e->begun = n > 0;
}

int64_t export_at(const struct export *e)
{
    return e->at;
}

/* ---- pages ---- */

/* Column of export_page. */
enum { ID, PARENT, ROLE, STATUS, CONTENT, CREATED_AT, RATING, NOTE, FILE_IDS, MADE_WITH };

/* The messages of the next page, as a list for the database; moves on. */
static const char *page_take(struct call *c, struct export *e)
{
    struct text list = {0};
    const char *ret;
    int64_t bytes = 0;

    for (int n = 0; e->at < e->head.count && n < PAGE_MESSAGES; n++, e->at++) {
        bytes += e->places[e->at].bytes;
        if (n && bytes > PAGE_BYTES)
            break;
        text_printf(&list, "%c%" PRId64, n ? ',' : '{', e->places[e->at].id);
    }
    text_putc(&list, '}');
    ret = arena_strndup(&c->arena, list.data, list.size);
    text_drop(&list);
    return ret;
}

/* The files of one row that are still there. */
static size_t files_pick(const struct pg_result *rows, int row, const struct files_named *named,
                         struct export_file ret[IDS_MAX])
{
    struct ids ids;
    size_t n = 0;

    rows_ids(rows, row, FILE_IDS, &ids);
    for (size_t i = 0; i < ids.count; i++)
        n += files_named_find(named, ids.list[i], &ret[n]);
    return n;
}

static void message_write(const struct export *e, const struct pg_result *rows, int row,
                          const struct files_named *named, struct text *out)
{
    struct export_file files[IDS_MAX];
    int64_t parent = rows_i64(rows, row, PARENT);
    struct export_message m = {
        .n = place_of(e, rows_i64(rows, row, ID)),
        .parent = parent ? place_of(e, parent) : -1,
        .role = rows_str(rows, row, ROLE),
        .status = rows_str(rows, row, STATUS),
        .content = rows_str(rows, row, CONTENT),
        .created_at = rows_str(rows, row, CREATED_AT),
        .rating = rows_i64(rows, row, RATING),
        .note = rows_null(rows, row, NOTE) ? NULL : rows_str(rows, row, NOTE),
        .made_with = rows_null(rows, row, MADE_WITH) ? NULL : rows_str(rows, row, MADE_WITH),
        .files = files,
        .file_count = files_pick(rows, row, named, files),
    };

    e->format->message(out, &m);
}

static int page_write(struct call *c, struct export *e, struct text *out)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    cleanup(files_named_drop) struct files_named *named = NULL;
    int64_t from = e->at;
    int r = db_rows(c, Q_export_page, ARGS(c->caller, e->head.id, page_take(c, e)), &rows);

    if (r)
        return r;
    if (rows_count(rows) < e->at - from)
        return NOT_FOUND;
    r = files_name(c, e->head.project_id, rows, FILE_IDS, &named);
    for (int i = 0; !r && i < rows_count(rows); i++)
        message_write(e, rows, i, named, out);
    return r;
}

int export_next(struct call *c, struct export *e, struct text *out, bool *ret_more)
{
    struct arena call = c->arena;
    int r = DONE;

    if (!e->begun)
        e->format->begin(out, &e->head);
    e->begun = true;
    if (e->at < e->head.count) {
        c->arena = (struct arena){0}; /* a page is done with when it is written */
        r = page_write(c, e, out);
        arena_drop(&c->arena);
        c->arena = call;
    }
    *ret_more = e->at < e->head.count;
    if (!r && !*ret_more)
        e->format->end(out, &e->head);
    return r;
}

/* ---- the download ---- */

static const struct export_format *format_of(const struct conversation_export_in *in)
{
    if (!in->has_format || strcmp(in->format, export_markdown.name) == 0)
        return &export_markdown;
    return strcmp(in->format, export_json.name) == 0 ? &export_json : NULL;
}

/* The title, as far as it can be a file's name anywhere. */
static const char *filename_of(struct call *c, const struct export *e)
{
    const char *title = e->head.title;
    size_t n = title ? strnlen(title, TITLE_BYTES) : 0;
    char *name;

    while (n && !utf8_check(title, n))
        n--; /* it was cut inside a character */
    if (!n)
        return arena_printf(&c->arena, "conversation-%" PRId64 "%s", e->head.id, e->format->ending);
    name = arena_strndup(&c->arena, title, n);
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || strchr("/\\:*?\"<>|", *p) ||
            (p == name && *p == '.'))
            *p = '_';
    return arena_printf(&c->arena, "%s%s", name, e->format->ending);
}

int conversation_export(struct call *c, const struct conversation_export_in *in)
{
    cleanup(export_drop) struct export *e = NULL;
    cleanup(text_drop) struct text out = {0};
    const struct export_format *format = format_of(in);
    bool more = true;
    int r;

    if (!format)
        return refuse(c, BAD_INPUT, "format", "format must be markdown or json");
    r = export_open(c, in->conversation_id, format, &e);
    if (!r)
        r = export_next(c, e, &out, &more);
    if (!r)
        r = call_stream_made(c, format->type, filename_of(c, e));
    while (!r) {
        r = call_write(c, out.data, out.size);
        if (r || !more)
            return r;
        text_clear(&out);
        r = export_next(c, e, &out, &more);
    }
    return r;
}

/* ---- for the export of an account ---- */

int conversation_archive(struct call *c, const struct conversation_archive_in *in)
{
    cleanup(export_drop) struct export *e = NULL;
    cleanup(text_drop) struct text out = {0};
    bool more = false;
    int r = export_open(c, in->conversation_id, &export_json, &e);

    if (r)
        return r;
    export_seek(e, in->at);
    do /* each call lists all messages first, so few calls it should be */
        r = export_next(c, e, &out, &more);
    while (!r && more && out.size < ARCHIVE_BYTES);
    if (r)
        return r;
    text_puts(&c->out, "{\"text\":");
    text_json(&c->out, out.data, out.size);
    if (more)
        text_member_i64(&c->out, "next", export_at(e));
    else
        text_puts(&c->out, ",\"next\":null");
    text_putc(&c->out, '}');
    return DONE;
}
