/* file_create: takes a content in, then makes the file. */
#include <string.h>

#include "common/account_ref.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "filed/copies.h"
#include "filed/filed.h"
#include "filed/limits.h"
#include "filed/mime.h"
#include "filed/queries.h"
#include "filed/store.h"
#include "proto/envelope.h"

/* What prepare leaves for apply. */
struct upload {
    struct incoming *content;
    char mime[MIME_MAX];
};

static void upload_undo(struct call *c, void *state)
{
    struct upload *u = state;

    (void)c;
    incoming_drop(&u->content);
}

static void upload_done(struct call *c, void *state)
{
    struct filed *f = call_state(c);

    upload_undo(c, state);
    copies_wake(f->copies);
}

static int too_many_bytes(struct call *c)
{
    const struct filed *f = call_state(c);

    return refuse(c, TOO_LARGE, "file", "all files of an account have at most %lld bytes",
                  (long long)f->storage_per_user);
}

static int too_many_files(struct call *c)
{
    return refuse(c, LIMIT_REACHED, NULL, "a project has at most %d files", FILES_PER_PROJECT);
}

/* What can be refused before the content has come. */
static int early_check(struct call *c, int64_t project_id)
{
    const struct filed *f = call_state(c);
    int64_t bytes = 0, count = 0;
    bool gone = false;
    int r = f->access(c, project_id);

    if (r)
        return r;
    r = db_do(c, Q_account_ref_add, ARGS(c->caller)); /* for blob_announce to hold */
    if (!r || r == NOT_FOUND)
        r = db_get(c, Q_upload_check, ARGS(c->caller, project_id), INTO(&gone, &bytes, &count));
    if (r)
        return r;
    if (gone)
        return NOT_FOUND;
    if (count >= FILES_PER_PROJECT)
        return too_many_files(c);
    return bytes >= f->storage_per_user ? too_many_bytes(c) : DONE;
}

static int content_take(struct call *c, struct incoming *to)
{
    char *piece = arena_alloc(&c->arena, DATA_MAX);
    size_t size;
    int r;

    while (!(r = call_read(c, piece, DATA_MAX, &size)) && size) {
        if (incoming_bytes(to) + (int64_t)size > FILE_BYTES_MAX)
            return refuse(c, TOO_LARGE, "file", "a file has at most %lld bytes",
                          (long long)FILE_BYTES_MAX);
        r = incoming_write(to, piece, size);
        if (r)
            return r;
    }
    if (!r && !incoming_bytes(to))
        return refuse(c, BAD_INPUT, "file", "file: it is empty");
    return r;
}

int file_create_prepare(struct call *c, const struct file_create_in *in)
{
    const struct filed *f = call_state(c);
    struct upload *u = arena_alloc(&c->arena, sizeof *u);
    unsigned char sha256[DIGEST_SIZE];
    const char *sample;
    size_t size;
    int r = early_check(c, in->project_id);

    c->prepared = c->settle_state = u;
    c->undone = upload_undo;
    c->committed = upload_done;
    if (!r)
        r = incoming_open(f->store, c->caller, &u->content);
    if (!r)
        r = content_take(c, u->content);
    if (r)
        return r;
    call_digest(c, sha256);
    sample = incoming_sample(u->content, &size);
    mime_find(f->mime, sample, size, u->mime);
    r = incoming_finish(u->content, sha256);
    if (!r)
        r = db_do(c, Q_blob_announce, ARGS(c->caller, incoming_sha256(u->content)));
    return r == NOT_FOUND ? UNAUTHORIZED : r;
}

/* Holds the project against its erasure. */
static int project_hold(struct call *c, int64_t project_id)
{
    bool gone = false;
    int r = db_get(c, Q_project_ref_hold, ARGS(c->caller, project_id), INTO(&gone));

    if (r == NOT_FOUND) {
        r = ACCOUNT_HOLD(c);
        if (!r)
            r = db_do(c, Q_project_ref_add, ARGS(c->caller, project_id));
        if (!r || r == NOT_FOUND)
            r = db_get(c, Q_project_ref_hold, ARGS(c->caller, project_id), INTO(&gone));
    }
    return r ? r : gone ? NOT_FOUND : DONE;
}

/* Exactly: one upload of an account at a time comes past here. */
static int quota_take(struct call *c, int64_t project_id, int64_t bytes)
{
    const struct filed *f = call_state(c);
    int64_t all, count = 0;
    int r = db_get(c, Q_storage_take, ARGS(c->caller, bytes, f->storage_per_user), INTO(&all));

    if (r == NOT_FOUND)
        return too_many_bytes(c);
    if (!r)
        r = db_get(c, Q_project_count, ARGS(c->caller, project_id), INTO(&count));
    if (!r && count >= FILES_PER_PROJECT)
        return too_many_files(c);
    return r;
}

int file_create(struct call *c, const struct file_create_in *in)
{
    const struct filed *f = call_state(c);
    struct upload *u = c->prepared;
    int64_t bytes = incoming_bytes(u->content);
    const char *sha256 = incoming_sha256(u->content);
    int r = project_hold(c, in->project_id);

    if (!r)
        r = quota_take(c, in->project_id, bytes);
    if (!r)
        r = db_do(c, Q_blob_take, ARGS(c->caller, sha256));
    if (!r)
        r = incoming_keep(u->content);
    if (!r)
        r = db_one(c, Q_file_insert,
                   ARGS(c->caller, in->project_id, in->filename, bytes, (const char *)u->mime,
                        sha256, f->copies && !f->no_copies));
    return r;
}
