/* The chain of audit entries: appended to, cut off at its old end, verified. */
#include "authd/audit_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "authd/authd.h"
#include "authd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/log.h"
#include "common/service.h"

#define APPENDED_AT_ONCE 500
#define CUT_AT_ONCE      5000
#define PAGE             1000
#define HEAD_EACH_US     INT64_C(900000000) /* the journal hears of the head, if it moved */
#define HEAD_EACH        1000               /* entries after which it does earlier */

void audit_hash(const char *previous, const struct audit_entry *e, char ret[AUDIT_HASH_HEX])
{
    cleanup(text_drop) struct text t = {0};
    unsigned char digest[DIGEST_SIZE];

    text_printf(&t, "%s\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n", previous, e->id,
                e->at_us, e->actor, e->account);
    text_printf(&t, "%s\n%s\n%s\n%s\n%" PRId64 "\n", e->action, e->object, e->detail, e->source,
                e->event);
    digest_sha256(t.data, t.size, digest);
    hex_encode(digest, sizeof digest, ret);
}

/* Columns as AUDIT_FIELDS has them, from the second on. */
static struct audit_entry entry_read(const struct pg_result *rows, int row, int64_t id)
{
    return (struct audit_entry){
        .id = id,
        .at_us = rows_i64(rows, row, 1),
        .actor = rows_i64(rows, row, 2),
        .account = rows_i64(rows, row, 3),
        .action = rows_str(rows, row, 4),
        .object = rows_str(rows, row, 5),
        .detail = rows_str(rows, row, 6),
        .source = rows_str(rows, row, 7),
        .event = rows_i64(rows, row, 8),
    };
}

/* The checkpoint, before which nothing is. */
static int start_read(struct call *c, struct audit_head *ret)
{
    const char *hash = NULL;
    int r = db_get(c, Q_audit_start, NO_ARGS, INTO(&ret->id, &hash));

    if (hash)
        snprintf(ret->hash, sizeof ret->hash, "%s", hash);
    else
        snprintf(ret->hash, sizeof ret->hash, "%0*d", 2 * DIGEST_SIZE, 0);
    return r;
}

int audit_head_read(struct call *c, struct audit_head *ret)
{
    const char *hash = NULL;
    int r = db_get(c, Q_audit_head, NO_ARGS, INTO(&ret->id, &hash));

    if (r)
        return r == NOT_FOUND ? start_read(c, ret) : r;
    snprintf(ret->hash, sizeof ret->hash, "%s", hash);
    return DONE;
}

/* Whoever changes the chain in the database would have to change the journal as well. */
static void head_tell(struct call *c, const struct audit_head *head)
{
    struct authd *a = call_state(c);
    int64_t now = clock_us();

    if (head->id == a->audit_told ||
        (head->id - a->audit_told < HEAD_EACH && now - a->audit_told_us < HEAD_EACH_US))
        return;
    a->audit_told = head->id;
    a->audit_told_us = now;
    log_line(LOG_LEVEL_NOTICE, "event=audit_head id=%" PRId64 " hash=%s", head->id, head->hash);
}

int audit_tick(struct call *c)
{
    cleanup(rows_drop) struct pg_result *due = NULL;
    struct audit_head head = {0};
    bool mine = false;
    int r = db_get(c, Q_audit_lock, NO_ARGS, INTO(&mine));

    if (r || !mine)
        return r;
    r = db_do(c, Q_audit_again, NO_ARGS);
    if (!r || r == NOT_FOUND)
        r = audit_head_read(c, &head);
    if (!r)
        r = db_rows(c, Q_audit_due, ARGS(APPENDED_AT_ONCE), &due);
    for (int i = 0; !r && i < rows_count(due); i++) {
        struct audit_entry e = entry_read(due, i, ++head.id);
        audit_hash(head.hash, &e, head.hash);
        r = db_do(c, Q_audit_append, ARGS(rows_i64(due, i, 0), e.id, (const char *)head.hash));
    }
    if (!r)
        head_tell(c, &head);
    return r;
}

int audit_expire(struct call *c)
{
    int64_t days = conf_i64(daemon_conf(c->daemon), SET_AUDIT_DAYS), cut = 0;
    int r = days ? db_get(c, Q_audit_cut, ARGS(days, CUT_AT_ONCE), INTO(&cut)) : DONE;

    if (!r && cut)
        log_line(LOG_LEVEL_INFO, "event=audit_cut entries=%" PRId64, cut);
    return r;
}

static void note_look(const struct audit_head *at, const char *noted, struct audit_finding *f)
{
    if (noted && strcasecmp(at->hash, noted) == 0)
        f->noted_at = at->id;
}

/* A page of entries behind `at`, which moves on. */
static int page_verify(struct call *c, struct audit_head *at, const char *noted,
                       struct audit_finding *f, int *ret_count)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_rows(c, Q_audit_page, ARGS(at->id, PAGE), &rows);

    *ret_count = r ? 0 : rows_count(rows);
    for (int i = 0; i < *ret_count; i++) {
        struct audit_entry e = entry_read(rows, i, rows_i64(rows, i, 0));
        audit_hash(at->hash, &e, at->hash);
        if (e.id != at->id + 1 || strcmp(at->hash, rows_str(rows, i, 9)) != 0) {
            f->bad = e.id;
            return DONE;
        }
        at->id = e.id;
        f->entries++;
        note_look(at, noted, f);
    }
    return r;
}

int audit_verify(struct call *c, const char *noted, struct audit_finding *ret)
{
    struct audit_head at = {0};
    int n = 0, r = start_read(c, &at);

    *ret = (struct audit_finding){.noted_at = -1};
    if (!r)
        note_look(&at, noted, ret);
    do {
        if (!r)
            r = page_verify(c, &at, noted, ret, &n);
    } while (!r && n && !ret->bad);
    return r;
}
