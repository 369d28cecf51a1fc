/* Uploads and deletions of copies: taken, sent, settled. */
#include <inttypes.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/service.h"
#include "filed/copies_state.h"
#include "filed/copy_name.h"
#include "filed/limits.h"
#include "filed/queries.h"
#include "filed/store.h"

static const char *holder(const struct copies *c)
{
    return daemon_instance(c->daemon);
}

/* The columns that both kinds begin with. */
static void row_read(struct slot *s, const struct pg_result *rows)
{
    s->copy = rows_i64(rows, 0, 0);
    s->file_id = rows_i64(rows, 0, 1);
    s->try = rows_i64(rows, 0, 2);
    s->failures = (int)rows_i64(rows, 0, 3);
}

/* The try came to nothing.  final: there will be no other; counts: it was the file's own fault. */
static void failed(struct copies *c, const struct slot *s, const char *error, bool final,
                   bool counts, int64_t asked_ms)
{
    uint32_t random;
    int64_t wait;

    random_bytes(&random, sizeof random);
    wait = counts && !final ? copy_wait_ms(s->failures + 1, asked_ms, random) : 0;
    log_line(LOG_LEVEL_NOTICE,
             "event=copy_failed file=%" PRId64 " try=%" PRId64 " kind=%s final=%d wait_ms=%" PRId64,
             s->file_id, s->try, s->kind == SLOT_UPLOAD ? "upload" : "delete", final, wait);
    if (copies_do(c, Q_copy_failed, ARGS(s->copy, holder(c), s->try, error, final, wait, counts)) <
        0)
        sweep_want(c);
}

/* ---- uploads ---- */

/* False: nothing is due. */
static bool upload_begin(struct copies *c, struct slot *s)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    char name[COPY_NAME_MAX];
    int fd, r;

    if (db_run(c->db, Q_copy_take, ARGS(holder(c), COPY_LEASE_S, (const char *)c->sweep.finished),
               &rows) ||
        rows_count(rows) == 0)
        return false;
    row_read(s, rows);
    r = store_read(c->store, rows_i64(rows, 0, 4), rows_str(rows, 0, 5), &fd);
    if (r) {
        if (r == NOT_FOUND)
            FAULT("file %" PRId64 " has no content", s->file_id);
        s->kind = SLOT_UPLOAD;
        failed(c, s, "the content cannot be read", r == NOT_FOUND, true, -1);
        s->kind = SLOT_IDLE;
        return true;
    }
    copy_name(c->installation, s->file_id, s->try, rows_str(rows, 0, 8), name);
    provider_upload(c->provider, &s->call, fd, rows_i64(rows, 0, 6), name, rows_str(rows, 0, 7));
    slot_run(c, s, SLOT_UPLOAD);
    return true;
}

static void upload_present(struct copies *c, struct slot *s, const char *id)
{
    int64_t n = copies_do(c, Q_copy_present, ARGS(s->copy, holder(c), s->try, id));

    if (n == 1)
        log_line(LOG_LEVEL_INFO, "event=copy_present file=%" PRId64 " try=%" PRId64, s->file_id,
                 s->try);
    else
        sweep_want(c); /* the lease was lost: the sweep finds it by its name */
}

static void upload_end(struct copies *c, struct slot *s, const struct provider_result *result)
{
    bool last = s->failures + 1 >= COPY_FAILURES_MAX;

    switch (result->outcome) {
    case PROVIDER_OK:
        upload_present(c, s, result->id);
        break;
    case PROVIDER_MISSING:
    case PROVIDER_REFUSED:
        failed(c, s, result->error, true, true, -1);
        break;
    case PROVIDER_AGAIN:
        failed(c, s, result->error, last, true, result->wait_ms);
        sweep_want(c);
        break;
    case PROVIDER_DOWN:
        copies_pause(c, result->wait_ms);
        failed(c, s, result->error, false, false, -1);
        break;
    }
}

/* ---- deletions ---- */

static bool delete_begin(struct copies *c, struct slot *s)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(c->db, Q_copy_take_deleting, ARGS(holder(c), COPY_LEASE_S), &rows) ||
        rows_count(rows) == 0)
        return false;
    row_read(s, rows);
    provider_delete(c->provider, &s->call, rows_str(rows, 0, 4));
    slot_run(c, s, SLOT_DELETE);
    return true;
}

static void delete_end(struct copies *c, struct slot *s, const struct provider_result *result)
{
    switch (result->outcome) {
    case PROVIDER_OK:
    case PROVIDER_MISSING:
        copies_do(c, Q_copy_gone, ARGS(s->copy));
        break;
    case PROVIDER_REFUSED:
    case PROVIDER_AGAIN:
        failed(c, s, result->error, false, true, result->wait_ms);
        break;
    case PROVIDER_DOWN:
        copies_pause(c, result->wait_ms);
        failed(c, s, result->error, false, false, -1);
        break;
    }
}

/* ---- both ---- */

void copy_work_begin(struct copies *c)
{
    struct slot *s;

    while ((s = slot_free(c, SLOT_DELETE)) && delete_begin(c, s))
        ;
    while ((s = slot_free(c, SLOT_UPLOAD)) && upload_begin(c, s))
        ;
}

void copy_work_end(struct copies *c, struct slot *s, const struct provider_result *result)
{
    if (result->outcome != PROVIDER_DOWN)
        c->pauses = 0;
    if (!db_revive(c->db))
        sweep_want(c); /* the lease will lapse */
    else if (s->kind == SLOT_UPLOAD)
        upload_end(c, s, result);
    else
        delete_end(c, s, result);
    slot_end(c, s);
}

/* Marks the slots whose rows are still leased to us, in the state that they are worked on for. */
static bool leases_read(struct copies *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(c->db, Q_copy_renew, ARGS(holder(c), COPY_LEASE_S), &rows))
        return false;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *s = &c->slots[i];
        s->leased = s->kind == SLOT_LIST;
        for (int k = 0; k < rows_count(rows) && !s->leased; k++)
            s->leased = rows_i64(rows, k, 0) == s->copy &&
                        (s->kind == SLOT_DELETE || rows_bool(rows, k, 1));
    }
    return true;
}

static bool is_working(const struct copies *c)
{
    for (int i = 0; i < SLOTS; i++)
        if (c->slots[i].kind == SLOT_UPLOAD || c->slots[i].kind == SLOT_DELETE)
            return true;
    return false;
}

void copy_work_renew(struct copies *c)
{
    if (!is_working(c) || !leases_read(c))
        return;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *s = &c->slots[i];
        if (s->kind == SLOT_IDLE || s->leased)
            continue;
        /* Its file was deleted, or we were away for too long. */
        if (s->kind == SLOT_UPLOAD) {
            failed(c, s, "broken off", false, false, -1);
            sweep_want(c);
        }
        slot_end(c, s);
    }
}

void copy_work_release(struct copies *c)
{
    bool alive = db_revive(c->db);

    for (int i = 0; i < SLOTS; i++) {
        struct slot *s = &c->slots[i];
        if (alive && (s->kind == SLOT_UPLOAD || s->kind == SLOT_DELETE))
            failed(c, s, NULL, false, false, -1);
        slot_end(c, s);
    }
}
