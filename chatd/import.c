/* conversation_import: reads a file into a table of its own, then makes a conversation of it. */
#include "chatd/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/conversation_tell.h"
#include "chatd/import_check.h"
#include "chatd/import_files.h"
#include "chatd/import_scan.h"
#include "chatd/queries.h"
#include "chatd/search.h"
#include "common/account_ref.h"
#include "common/call.h"
#include "common/db.h"
#include "common/fault.h"
#include "proto/envelope.h"

#define STAGED_BYTES     262144 /* of messages, put into the table at once */
#define STAGED_MESSAGES  200
#define MOVED_AT_ONCE    1000 /* messages, from there into the conversation */
#define SWEPT_HOURS      6    /* an upload of 100 MiB at the slowest pace takes 3.6 */
#define SWEPT_AT_ONCE    5000
#define DIGEST_TEXT_SIZE (2 * DIGEST_SIZE + 3)

struct import {
    struct call *call;
    int64_t project;
    char upload[33];
    struct import_scan scan;
    struct import_check check;
    struct import_files *files;
    struct text staged; /* the array for import_stage */
    int staged_count;
    bool any;                      /* something is in the table */
    char digest[DIGEST_TEXT_SIZE]; /* as PostgreSQL writes bytea */
};

/* ---- into the table ---- */

static int stage_flush(struct import *i)
{
    int r;

    if (!i->staged_count)
        return DONE;
    text_putc(&i->staged, ']');
    i->any = true;
    r = db_do(i->call, Q_import_stage,
              ARGS(i->call->caller, (const char *)i->upload, (const char *)i->staged.data));
    text_clear(&i->staged);
    i->staged_count = 0;
    return r == NOT_FOUND ? UNAUTHORIZED : r; /* the account is gone */
}

static void ids_write(struct text *out, const struct ids *ids)
{
    text_json_name(out, "file_ids");
    text_putc(out, '[');
    for (size_t i = 0; i < ids->count; i++)
        text_printf(out, "%s%" PRId64, i ? "," : "", ids->list[i]);
    text_putc(out, ']');
}

static void message_write(struct text *out, const struct import_message *m, const struct ids *files)
{
    text_putc(out, '{');
    text_member_i64(out, "n", m->n);
    if (m->parent >= 0)
        text_member_i64(out, "parent", m->parent);
    text_member_i64(out, "depth", m->depth);
    text_member_str(out, "role", m->role);
    text_member_str(out, "status", m->status);
    text_json_name(out, "content");
    text_json(out, m->content, m->content_size);
    if (m->rating)
        text_member_i64(out, "rating", m->rating);
    if (m->note)
        text_member_str(out, "note", m->note);
    ids_write(out, files);
    if (m->made_with) {
        text_json_name(out, "made_with");
        text_puts(out, m->made_with);
    }
    if (m->created_at)
        text_member_str(out, "created_at", m->created_at);
    text_putc(out, '}');
}

static int message_stage(void *state, const struct import_message *m)
{
    struct import *i = state;
    struct ids files = {0};
    int r = import_files_find(i->files, i->call, i->project, m, &files);

    if (r)
        return r;
    text_putc(&i->staged, i->staged_count++ ? ',' : '[');
    message_write(&i->staged, m, &files);
    return i->staged.size >= STAGED_BYTES || i->staged_count >= STAGED_MESSAGES ? stage_flush(i)
                                                                                : DONE;
}

/* ---- reading ---- */

static int refuse_check(struct import *i, int r)
{
    const struct import_check *k = &i->check;

    if ((r != BAD_INPUT && r != BAD_JSON) || !k->why)
        return r;
    return refuse(i->call, r, k->field[0] ? k->field : "file", "%s: %s",
                  k->field[0] ? k->field : "the file", k->why);
}

/* All that can be taken from what was fed. *ret_end: the file was whole. */
static int pieces_take(struct import *i, bool *ret_end)
{
    struct import_scan *s = &i->scan;
    int r = DONE;

    while (!r) {
        switch (import_scan_next(s)) {
        case IMPORT_MORE:
            return DONE;
        case IMPORT_MEMBER:
            r = refuse_check(i, import_check_member(&i->check, s));
            break;
        case IMPORT_MESSAGE:
            r = refuse_check(i, import_check_message(&i->check, s, message_stage, i));
            break;
        case IMPORT_END:
            *ret_end = true;
            return refuse_check(i, import_check_end(&i->check));
        case IMPORT_BAD:
            return refuse(i->call, s->status, s->field[0] ? s->field : "file", "%s: %s",
                          s->field[0] ? s->field : "the file", s->why);
        }
    }
    return r;
}

static int file_take(struct import *i)
{
    char *piece = arena_alloc(&i->call->arena, DATA_MAX);
    int64_t bytes = 0;
    bool end = false;
    size_t size;
    int r;

    while (!(r = call_read(i->call, piece, DATA_MAX, &size)) && size) {
        bytes += (int64_t)size;
        if (bytes > MOVED_BYTES_MAX)
            return refuse(i->call, TOO_LARGE, "file", "a file has at most %lld bytes",
                          (long long)MOVED_BYTES_MAX);
        import_scan_feed(&i->scan, piece, size);
        r = pieces_take(i, &end);
        if (r)
            return r;
    }
    if (r)
        return r;
    import_scan_ended(&i->scan);
    r = pieces_take(i, &end);
    if (!r && !end)
        return FAULT("an import without an end");
    return r ? r : stage_flush(i);
}

static void import_drop(struct import *i)
{
    import_scan_drop(&i->scan);
    import_check_drop(&i->check);
    import_files_drop(&i->files);
    text_drop(&i->staged);
}

static void import_done(struct call *c, void *state)
{
    (void)c;
    import_drop(state);
}

/* What cannot be deleted now is swept away later. */
static void import_undone(struct call *c, void *state)
{
    struct import *i = state;

    if (i->any && db_do(c, Q_import_unstage, ARGS((const char *)i->upload)) < 0)
        FAULT("an import was left behind");
    import_drop(i);
}

int import_read(struct call *c, int64_t project_id)
{
    struct import *i = arena_alloc(&c->arena, sizeof *i);
    unsigned char random[16], digest[DIGEST_SIZE];
    int r = db_do(c, Q_account_ref_add, ARGS(c->caller)); /* what import_stage holds */

    if (r && r != NOT_FOUND)
        return r;
    i->call = c;
    i->project = project_id;
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, i->upload);
    import_scan_init(&i->scan);
    import_check_init(&i->check);
    i->files = import_files_new();
    c->prepared = c->settle_state = i;
    c->committed = import_done;
    c->undone = import_undone;
    r = file_take(i);
    if (r)
        return r;
    call_digest(c, digest);
    memcpy(i->digest, "\\x", 3);
    hex_encode(digest, sizeof digest, i->digest + 2);
    return DONE;
}

int conversation_import_prepare(struct call *c, const struct conversation_import_in *in)
{
    const struct chatd *d = call_state(c);
    struct context context;
    int r = context_get(d->contexts, c, in->project_id, &context);

    return r ? r : import_read(c, in->project_id);
}

/* ---- from there into a conversation ---- */

/* Holds the project against its erasure. */
static int project_hold(struct call *c, int64_t project_id)
{
    bool gone = false;
    int r = db_get(c, Q_import_hold, ARGS(c->caller, project_id), INTO(&gone));

    if (r == NOT_FOUND) {
        r = ACCOUNT_HOLD(c);
        if (!r)
            r = db_do(c, Q_project_ref_add, ARGS(c->caller, project_id));
        if (!r || r == NOT_FOUND) /* another one was faster */
            r = db_get(c, Q_import_hold, ARGS(c->caller, project_id), INTO(&gone));
    }
    return r ? r : gone ? NOT_FOUND : DONE;
}

/* The number of the conversation that is to be made; NOT_FOUND: it is there, and c->out has it. */
static int claim(struct call *c, const struct import *i, int64_t *ret)
{
    const char *digest = i->digest;
    int r = db_get(c, Q_import_claim, ARGS(c->caller, i->project, digest), INTO(ret));

    if (r != NOT_FOUND)
        return r;
    r = db_one(c, Q_import_find, ARGS(c->caller, i->project, digest));
    if (r == NOT_FOUND) /* and deleted since: its place is free */
        return db_get(c, Q_import_renew, ARGS(c->caller, i->project, digest), INTO(ret));
    return r ? r : NOT_FOUND;
}

static int messages_move(struct call *c, const struct import *i, int64_t conversation)
{
    int64_t moved = 0, n = 0;
    int r = DONE;

    for (int64_t at = 0; !r && at < i->check.count; at += MOVED_AT_ONCE, moved += n)
        r = db_get(c, Q_import_messages,
                   ARGS(c->caller, conversation, (const char *)i->upload, at, MOVED_AT_ONCE),
                   INTO(&n));
    /* a database that crashed meanwhile has emptied the table */
    return r ? r : moved == i->check.count ? DONE : UNAVAILABLE;
}

static int conversation_make(struct call *c, const struct import *i, int64_t conversation)
{
    const struct import_check *k = &i->check;
    int r = db_one(c, Q_import_conversation,
                   ARGS(c->caller, i->project, conversation, (const char *)i->upload, k->leaf,
                        k->has_title ? (const char *)k->title : NULL, k->pinned, k->archived,
                        k->created_at[0] ? (const char *)k->created_at : NULL));

    if (r == NOT_FOUND)
        return UNAVAILABLE;
    if (!r)
        r = messages_move(c, i, conversation);
    if (r)
        return r;
    conversation_tell(c, &(struct conversation_told){conversation, c->caller, i->project},
                      CONVERSATION_CREATED);
    return search_title(c, conversation);
}

int conversation_import(struct call *c, const struct conversation_import_in *in)
{
    const struct import *i = c->prepared;
    int64_t conversation = 0;
    int r = project_hold(c, in->project_id);

    if (r)
        return r;
    r = claim(c, i, &conversation);
    if (r == NOT_FOUND)
        c->http = 200;
    else if (!r)
        r = conversation_make(c, i, conversation);
    if (r && r != NOT_FOUND)
        return r;
    r = db_do(c, Q_import_unstage, ARGS((const char *)i->upload));
    return r == NOT_FOUND ? UNAVAILABLE : r;
}

int imports_sweep(struct call *c)
{
    int r = db_do(c, Q_import_sweep, ARGS(SWEPT_HOURS, SWEPT_AT_ONCE));

    return r == NOT_FOUND ? DONE : r;
}
