/* Asks filed for files, and makes of its answers what a model is given. */
#include "chatd/files.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/upstream/dialect.h"
#include "chatd/upstream/model_input.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/json.h"

#define ASK_US 5000000 /* for filed to answer: who waits longer holds up others */

/* ---- asking filed ---- */

static int ask(struct call *c, enum op_id op, const struct params *params, const char **ret_reply,
               size_t *ret_size)
{
    int64_t deadline_us = c->deadline_us, until_us = clock_us() + ASK_US;
    int r;

    if (until_us < deadline_us)
        c->deadline_us = until_us;
    r = call_peer(c, op, params, ret_reply, ret_size);
    c->deadline_us = deadline_us;
    return r == TOO_LATE ? UNAVAILABLE : r;
}

int files_use(struct call *c, int64_t project_id, const struct ids *ids, struct json_object **ret)
{
    char data[64 + 21 * IDS_MAX], number[24];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *list = ids_array(&c->arena, ids), *reply, *why;
    size_t size;
    int r;

    snprintf(number, sizeof number, "%" PRId64, project_id);
    params_add(&params, "project_id", number, strlen(number));
    params_add(&params, "file_ids", list + 1, strlen(list) - 2); /* without its braces */
    r = ask(c, OP_file_use, &params, &reply, &size);
    if (!r && json_parse(reply, size, ret, &why))
        return FAULT("file_use: %s", why);
    return r;
}

struct json_object *files_use_find(struct json_object *reply, int64_t id)
{
    struct json_object *files = json_member(reply, "files");

    for (size_t i = 0; i < json_object_array_length(files); i++) {
        struct json_object *one = json_object_array_get_idx(files, i);
        if (json_i64(one, "id", 0) == id)
            return one;
    }
    return NULL;
}

static const char *kept(struct call *c, const char *s)
{
    return arena_strndup(&c->arena, s, strlen(s));
}

/* DONE; BAD_INPUT: it is no text; NOT_FOUND: deleted. */
static int text_ask(struct call *c, int64_t project_id, struct model_file *f)
{
    cleanup(json_drop) struct json_object *o = NULL;
    char data[80], project[24], file[24];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *reply, *why;
    struct json_object *text;
    size_t size;
    int r;

    snprintf(project, sizeof project, "%" PRId64, project_id);
    snprintf(file, sizeof file, "%" PRId64, f->id);
    params_add(&params, "project_id", project, strlen(project));
    params_add(&params, "file_id", file, strlen(file));
    r = ask(c, OP_file_text, &params, &reply, &size);
    if (r)
        return r;
    if (json_parse(reply, size, &o, &why))
        return FAULT("file_text: %s", why);
    text = json_member(o, "text");
    f->size = text ? (size_t)json_object_get_string_len(text) : 0;
    f->text = arena_strndup(&c->arena, text ? json_object_get_string(text) : "", f->size);
    f->tokens = model_input_tokens(f->text, f->size);
    return DONE;
}

/* ---- what a model is given ---- */

/* Types that OpenAI's models see; others are files to it. */
static bool is_image(const char *mime)
{
    static const char *const images[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};

    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        if (strcmp(mime, images[i]) == 0)
            return true;
    return false;
}

static void absent(struct model_file *f, const char *why)
{
    f->kind = MODEL_FILE_ABSENT;
    f->why = why;
}

/* o: what filed told, NULL: nothing.  A text is still to be read. */
static void file_set(struct call *c, struct model_file *f, struct json_object *o)
{
    const struct chatd *d = call_state(c);
    const char *mime = json_str(o, "mime", ""), *provider = json_str(o, "provider_file_id", NULL);
    int64_t bytes = json_i64(o, "bytes", 0);

    if (!o) {
        absent(f, MODEL_FILE_DELETED);
        return;
    }
    f->name = kept(c, json_str(o, "filename", ""));
    if (!d->dialect->file_ids) {
        f->tokens = bytes / 4; /* at least; what it says is not known before it is read */
        if (bytes <= FILE_TEXT_MAX)
            f->kind = MODEL_FILE_TEXT;
        else
            absent(f, MODEL_FILE_UNUSABLE);
        return;
    }
    f->tokens = model_input_file_tokens(mime, bytes);
    if (strcmp(json_str(o, "status", ""), "ready") != 0 || !provider) {
        absent(f, MODEL_FILE_UNUSABLE);
        return;
    }
    f->provider = kept(c, provider);
    f->kind = is_image(mime) ? MODEL_FILE_IMAGE : MODEL_FILE_ID;
}

struct model_file *files_new(struct arena *a, const struct ids *ids)
{
    struct model_file *files = arena_alloc(a, (ids->count + 1) * sizeof *files);

    for (size_t i = 0; i < ids->count; i++)
        files[i].id = ids->list[i];
    return files;
}

/* ---- acceptance ---- */

static int no_text(struct call *c, const struct model_file *f)
{
    return refuse(c, BAD_INPUT, "file_ids",
                  "file %" PRId64 " is not UTF-8 text, and this model can be given nothing else: "
                  "\"%s\"",
                  f->id, f->name);
}

/* The state comes first, as a long detail is cut. */
static int file_check(struct call *c, const struct model_file *f, struct json_object *o)
{
    const struct chatd *d = call_state(c);
    const char *status = json_str(o, "status", ""), *error = json_str(o, "error", NULL);

    if (!o)
        return refuse(c, NOT_FOUND, "file_ids", "no file %" PRId64 " in this project", f->id);
    if (f->kind != MODEL_FILE_ABSENT)
        return DONE;
    if (!d->dialect->file_ids)
        return refuse(c, BAD_INPUT, "file_ids",
                      "file %" PRId64 " is larger than %d bytes, and this model can be given no "
                      "more: \"%s\"",
                      f->id, FILE_TEXT_MAX, f->name);
    return refuse(c, FILE_NOT_READY, "file_ids", "file %" PRId64 " is %s, not ready: \"%s\"%s%s",
                  f->id, status, f->name, error ? ": " : "", error ? error : "");
}

int files_attach(struct call *c, int64_t project_id, const struct ids *ids,
                 struct model_message *to)
{
    cleanup(json_drop) struct json_object *reply = NULL;
    int r;

    to->files = files_new(&c->arena, ids);
    to->file_count = ids->count;
    if (!ids->count)
        return DONE;
    r = files_use(c, project_id, ids, &reply);
    for (size_t i = 0; !r && i < ids->count; i++) {
        struct json_object *o = files_use_find(reply, ids->list[i]);
        file_set(c, &to->files[i], o);
        r = file_check(c, &to->files[i], o);
    }
    for (size_t i = 0; !r && i < ids->count; i++) {
        if (to->files[i].kind != MODEL_FILE_TEXT)
            continue;
        r = text_ask(c, project_id, &to->files[i]);
        if (r == BAD_INPUT)
            return no_text(c, &to->files[i]);
        if (r == NOT_FOUND)
            return file_check(c, &to->files[i], NULL);
    }
    return r;
}

/* ---- turns ---- */

static bool is_listed(const struct ids *ids, int64_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->list[i] == id)
            return true;
    return false;
}

/* Newer messages come first. */
static void unknown_add(struct ids *all, struct model_message *m)
{
    for (size_t i = 0; i < m->file_count; i++) {
        struct model_file *f = &m->files[i];
        if (is_listed(all, f->id))
            absent(f, MODEL_FILE_LATER);
        else if (all->count == IDS_MAX)
            absent(f, MODEL_FILE_LEFT_OUT);
        else
            all->list[all->count++] = f->id;
    }
}

static void unknown_set(struct call *c, struct model_message *m, struct json_object *reply)
{
    for (size_t i = 0; i < m->file_count; i++)
        if (m->files[i].kind == MODEL_FILE_UNKNOWN)
            file_set(c, &m->files[i], files_use_find(reply, m->files[i].id));
}

int files_look(struct call *c, int64_t project_id, struct model_message *message,
               struct model_message *history, size_t count)
{
    cleanup(json_drop) struct json_object *reply = NULL;
    struct ids all = {0};
    bool known = message->file_count == 0 || message->files[0].kind != MODEL_FILE_UNKNOWN;
    size_t own;
    int r;

    unknown_add(&all, message);
    own = all.count;
    for (size_t i = count; i-- > 0;)
        unknown_add(&all, &history[i]);
    if (all.count == 0 || (known && all.count == own))
        return DONE;
    r = files_use(c, project_id, &all, &reply);
    if (r)
        return r;
    unknown_set(c, message, reply);
    for (size_t i = 0; i < count; i++)
        unknown_set(c, &history[i], reply);
    return DONE;
}

static int message_read(struct call *c, int64_t project_id, struct model_message *m)
{
    for (size_t i = 0; i < m->file_count; i++) {
        struct model_file *f = &m->files[i];
        int r;
        if (f->kind != MODEL_FILE_TEXT || f->text)
            continue;
        r = text_ask(c, project_id, f);
        if (r == NOT_FOUND || r == BAD_INPUT)
            absent(f, r == NOT_FOUND ? MODEL_FILE_DELETED : MODEL_FILE_UNUSABLE);
        else if (r)
            return r;
    }
    return DONE;
}

int files_read(struct call *c, int64_t project_id, struct model_message *message,
               struct model_message *history, size_t count)
{
    int r = message_read(c, project_id, message);

    for (size_t i = 0; !r && i < count; i++)
        r = message_read(c, project_id, &history[i]);
    return r;
}

static void given_add(struct ids *to, const struct model_message *m)
{
    for (size_t i = 0; i < m->file_count; i++)
        if (m->files[i].kind != MODEL_FILE_ABSENT && to->count < IDS_MAX)
            to->list[to->count++] = m->files[i].id;
}

void files_given(const struct model_message *message, const struct model_message *history,
                 size_t count, struct ids *ret)
{
    ret->count = 0;
    given_add(ret, message);
    for (size_t i = count; i-- > 0;)
        given_add(ret, &history[i]);
}

int files_ready(struct call *c, int64_t project_id, const struct ids *ids, bool *ret_ready)
{
    cleanup(json_drop) struct json_object *reply = NULL;
    int r = files_use(c, project_id, ids, &reply);

    *ret_ready = true;
    for (size_t i = 0; !r && i < ids->count; i++) {
        struct json_object *o = files_use_find(reply, ids->list[i]);
        *ret_ready = *ret_ready && strcmp(json_str(o, "status", ""), "ready") == 0;
    }
    return r;
}
