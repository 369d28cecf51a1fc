/* A conversation as JSON, to be imported again: format chatbot-conversation, version 1. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chatd/export.h"
#include "chatd/moved.h"
#include "common/db.h"
#include "common/text.h"

static void time_member(struct text *out, const char *name, const char *time)
{
    text_json_name(out, name);
    time_json(out, time, strlen(time));
}

static void place_member(struct text *out, const char *name, int64_t n)
{
    text_json_name(out, name);
    if (n < 0)
        text_puts(out, "null");
    else
        text_i64(out, n);
}

static void begin(struct text *out, const struct export_head *h)
{
    text_putc(out, '{');
    text_member_str(out, "format", MOVED_FORMAT);
    text_member_i64(out, "version", MOVED_VERSION);
    text_member_str(out, "title", h->title);
    text_puts(out, h->pinned ? ",\"pinned\":true" : ",\"pinned\":false");
    text_puts(out, h->archived ? ",\"archived\":true" : ",\"archived\":false");
    time_member(out, "created_at", h->created_at);
    time_member(out, "updated_at", h->updated_at);
    text_puts(out, ",\n\"messages\":[");
}

static void files_write(struct text *out, const struct export_message *m)
{
    text_puts(out, ",\"files\":[");
    for (size_t i = 0; i < m->file_count; i++) {
        text_puts(out, i ? ",{" : "{");
        text_member_str(out, "filename", m->files[i].filename);
        text_member_str(out, "sha256", m->files[i].sha256);
        text_member_i64(out, "bytes", m->files[i].bytes);
        text_putc(out, '}');
    }
    text_putc(out, ']');
}

static void message(struct text *out, const struct export_message *m)
{
    text_puts(out, m->n ? ",\n{" : "\n{");
    place_member(out, "parent", m->parent);
    text_member_str(out, "role", m->role);
    text_member_str(out, "status", m->status);
    time_member(out, "created_at", m->created_at);
    text_member_str(out, "content", m->content);
    if (m->file_count)
        files_write(out, m);
    if (m->rating) {
        text_puts(out, ",\"feedback\":{");
        text_member_i64(out, "rating", m->rating);
        text_member_str(out, "note", m->note);
        text_putc(out, '}');
    }
    if (m->made_with) {
        text_json_name(out, "made_with");
        text_puts(out, m->made_with);
    }
    text_putc(out, '}');
}

static void end(struct text *out, const struct export_head *h)
{
    text_puts(out, "\n]");
    place_member(out, "active_leaf", h->leaf);
    text_puts(out, "}\n");
}

const struct export_format export_json = {
    .name = "json",
    .type = "application/json",
    .ending = ".json",
    .begin = begin,
    .message = message,
    .end = end,
};
