/* Sweeps: the provider's list compared with the rows, page by page. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "filed/copies_state.h"
#include "filed/copy_name.h"
#include "filed/listed.h"
#include "filed/queries.h"

#define AGAIN_US     60000000  /* an answer may be lost and the upload still arrive */
#define DAY_LOOK_US  600000000 /* whether the daily one is due */
#define DAY_S        86400
#define LOST_GRACE_S 3600 /* a copy that is younger may be missing in the list */

void sweep_want(struct copies *c)
{
    c->sweep.wanted = true;
    if (!c->sweep.again_us)
        c->sweep.again_us = clock_us() + AGAIN_US;
}

/* ---- one listed file ---- */

/* Runs a statement for a listed file; the rows changed. */
static int64_t listed_do(struct copies *c, int query, size_t n, const struct arg *args)
{
    int64_t changed = copies_do(c, query, n, args);

    c->sweep.broken |= changed < 0;
    return changed;
}

static void orphan_add(struct copies *c, int64_t file_id, int64_t try, const char *id)
{
    if (listed_do(c, Q_listed_orphan, ARGS(file_id, try, id)) > 0)
        log_line(LOG_LEVEL_NOTICE, "event=copy_orphan file=%" PRId64 " try=%" PRId64, file_id, try);
}

static void adopt(struct copies *c, int64_t copy, int64_t file_id, int64_t try, const char *id)
{
    if (listed_do(c, Q_listed_adopt, ARGS(copy, id, try)) > 0)
        log_line(LOG_LEVEL_NOTICE, "event=copy_found file=%" PRId64 " try=%" PRId64, file_id, try);
}

static void file_seen(void *state, const struct provider_file *file)
{
    struct copies *c = state;
    cleanup(rows_drop) struct pg_result *rows = NULL;
    struct listed_row row = {0};
    int64_t file_id, try;

    if (!copy_name_read(file->filename, c->installation, &file_id, &try))
        return;
    if (db_run(c->db, Q_listed_find, ARGS(file_id, file->id), &rows)) {
        c->sweep.broken = true;
        return;
    }
    if (rows_count(rows) > 0)
        row = (struct listed_row){true,
                                  rows_str(rows, 0, 1),
                                  rows_str(rows, 0, 3),
                                  rows_i64(rows, 0, 2),
                                  rows_i64(rows, 0, 5),
                                  rows_bool(rows, 0, 4)};
    switch (listed_compare(&row, file->id, try, file->bytes)) {
    case LISTED_LEAVE:
        break;
    case LISTED_SEEN:
        if (c->sweep.whole)
            listed_do(c, Q_listed_seen, ARGS(rows_i64(rows, 0, 0)));
        break;
    case LISTED_ADOPT:
        adopt(c, rows_i64(rows, 0, 0), file_id, try, file->id);
        break;
    case LISTED_ORPHAN:
        orphan_add(c, file_id, try, file->id);
        break;
    }
}

/* ---- the sweep ---- */

static bool page_ask(struct copies *c)
{
    struct slot *s = slot_free(c, SLOT_LIST);

    if (!s)
        return false;
    provider_list(c->provider, &s->call, c->sweep.after);
    slot_run(c, s, SLOT_LIST);
    return true;
}

/* Whether the day's one is due. */
static bool day_is_over(struct copies *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(c->db, Q_installation_get, NO_ARGS, &rows) || rows_count(rows) == 0)
        return false;
    return rows_i64(rows, 0, 1) >= DAY_S;
}

static bool is_unsure(struct copies *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    return db_run(c->db, Q_copy_unsure, ARGS((const char *)c->sweep.finished), &rows) == DONE &&
           rows_bool(rows, 0, 0);
}

static bool sweep_due(struct copies *c)
{
    int64_t now = clock_us();

    if (now >= c->sweep.day_due_us) {
        c->sweep.day_due_us = now + DAY_LOOK_US;
        c->sweep.whole = day_is_over(c);
    }
    if (c->sweep.again_us && now >= c->sweep.again_us) {
        c->sweep.again_us = 0;
        return true;
    }
    return c->sweep.wanted || c->sweep.whole || is_unsure(c);
}

void sweep_look(struct copies *c)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (c->sweep.running || !sweep_due(c) || db_run(c->db, Q_now_text, NO_ARGS, &rows))
        return;
    snprintf(c->sweep.began, sizeof c->sweep.began, "%s", rows_str(rows, 0, 0));
    c->sweep.after[0] = '\0';
    c->sweep.wanted = c->sweep.broken = false;
    c->sweep.running = page_ask(c);
}

/* Everything was listed. */
static void sweep_end(struct copies *c, bool listed)
{
    const char *began = c->sweep.began;
    int64_t gone = copies_do(c, Q_swept_gone, ARGS(began)), lost = 0;

    if (c->sweep.whole && listed) {
        lost = copies_do(c, Q_swept_lost, ARGS(began, LOST_GRACE_S));
        copies_do(c, Q_installation_swept, NO_ARGS);
    }
    if (lost > 0)
        log_line(LOG_LEVEL_NOTICE, "event=copies_lost copies=%" PRId64, lost);
    log_line(LOG_LEVEL_INFO, "event=sweep whole=%d gone=%" PRId64, c->sweep.whole, gone);
    c->sweep.whole = c->sweep.running = false;
    snprintf(c->sweep.finished, sizeof c->sweep.finished, "%s", began);
}

void sweep_page(struct copies *c, struct slot *s, const struct provider_result *result)
{
    if (result->outcome == PROVIDER_OK && db_revive(c->db) &&
        provider_listed(&s->call, file_seen, c, c->sweep.after) && !c->sweep.broken) {
        slot_end(c, s);
        c->pauses = 0;
        if (!c->sweep.after[0])
            sweep_end(c, true);
        else if (!page_ask(c))
            c->sweep.running = false;
        return;
    }
    slot_end(c, s);
    if (result->outcome == PROVIDER_MISSING) { /* it keeps no files: nothing to compare */
        sweep_end(c, false);
        return;
    }
    log_line(LOG_LEVEL_NOTICE, "event=sweep_failed");
    c->sweep.running = false;
    c->sweep.wanted = true;
    copies_pause(c, result->wait_ms);
}
