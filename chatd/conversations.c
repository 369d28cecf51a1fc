/* Conversations as their owner sees them: list, rename, pin, archive, choose a branch, delete. */
#include "chatd/conversations.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/conversation_tell.h"
#include "chatd/keeper.h"
#include "chatd/queries.h"
#include "chatd/search.h"
#include "chatd/turn.h"
#include "common/audit_owed.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define STEPS_MAX      100000 /* from a message down to the newest one below it */
#define COLUMN_TIME_US 9      /* behind the shape, see CONVERSATION_PAGE */

/* ---- the list ---- */

/* Where a page ended: the last activity of its last conversation, and its id. */
struct page_end {
    int64_t time_us, id;
};

/* Hex, so that it fits: "6543210fedcba-1f". */
static void page_end_write(char *ret, size_t capacity, const struct page_end *p)
{
    snprintf(ret, capacity, "%" PRIx64 "-%" PRIx64, p->time_us, p->id);
}

static bool hex_read(const char *s, char end, int64_t *ret, const char **ret_rest)
{
    size_t n = strspn(s, "0123456789abcdef");

    if (n < 1 || n > 15 || s[n] != end)
        return false;
    *ret = strtoll(s, NULL, 16);
    *ret_rest = s + n + 1;
    return true;
}

static bool page_end_read(const char *cursor, struct page_end *ret)
{
    const char *rest;

    *ret = (struct page_end){INT64_C(1) << 57, INT64_MAX}; /* later than anything */
    return !cursor || (hex_read(cursor, '-', &ret->time_us, &rest) && ret->time_us < 1LL << 57 &&
                       hex_read(rest, '\0', &ret->id, &rest));
}

int conversation_list(struct call *c, const struct conversation_list_in *in)
{
    const struct chatd *d = call_state(c);
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int64_t limit = in->has_limit ? in->limit : LIST_LIMIT;
    int query = !in->has_pinned ? Q_conversation_page
                : in->pinned    ? Q_conversation_page_pinned
                                : Q_conversation_page_loose;
    struct context context;
    struct page_end from;
    int r, n;

    if (!page_end_read(in->after, &from))
        return refuse(c, BAD_INPUT, "after", "after is not a cursor that this list gave");
    r = context_get(d->contexts, c, in->project_id, &context);
    if (!r)
        r = db_rows(c, query,
                    ARGS(c->caller, in->project_id, in->has_archived && in->archived, from.time_us,
                         from.id, limit),
                    &rows);
    if (r)
        return r;
    n = rows_count(rows);
    rows_json(&c->out, c->op->out, rows, rows_count(rows));
    if (n >= limit)
        page_end_write(
            c->next, sizeof c->next,
            &(struct page_end){rows_i64(rows, n - 1, COLUMN_TIME_US), rows_i64(rows, n - 1, 0)});
    return DONE;
}

/* ---- changing ---- */

/* The branch that is shown goes through a message: down to the newest one below it. */
static int leaf_find(struct call *c, const struct conversation_update_in *in, int64_t *ret)
{
    int r = db_get(c, Q_leaf_below,
                   ARGS(c->caller, in->conversation_id, in->active_leaf, STEPS_MAX), INTO(ret));

    return r == NOT_FOUND
               ? refuse(c, NOT_FOUND, "active_leaf", "no such message in this conversation")
               : r;
}

int conversation_update(struct call *c, const struct conversation_update_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int64_t leaf = 0;
    int r = in->has_active_leaf ? leaf_find(c, in, &leaf) : DONE;

    if (!r)
        r = db_rows(c, Q_conversation_change,
                    ARGS(c->caller, in->conversation_id, in->has_title, in->title,
                         arg_bool_if(in->has_pinned, in->pinned),
                         arg_bool_if(in->has_archived, in->archived),
                         arg_i64_if(in->has_active_leaf, leaf)),
                    &rows);
    if (!r && !rows_count(rows))
        r = NOT_FOUND;
    if (r)
        return r;
    row_json(&c->out, c->op->out, rows, 0);
    conversation_tell(
        c, &(struct conversation_told){rows_i64(rows, 0, 0), c->caller, rows_i64(rows, 0, 1)},
        CONVERSATION_CHANGED);
    return in->has_title ? search_title(c, in->conversation_id) : DONE;
}

/* ---- deleting ---- */

/* After COMMIT: the upstream calls of its turns are closed. */
static void removed_stop(struct call *c, void *state)
{
    struct pg_result *rows = state;

    for (int i = 0; i < rows_count(rows); i++)
        if (rows_i64(rows, i, 0))
            turn_cancel_everywhere(call_state(c), rows_i64(rows, i, 0));
    keeper_wake(((struct chatd *)call_state(c))->keeper); /* for those that wait */
    rows_drop(&rows);
}

static void removed_forget(struct call *c, void *state)
{
    struct pg_result *rows = state;

    (void)c;
    rows_drop(&rows);
}

int conversations_removed_tell(struct call *c, const struct pg_result *rows)
{
    int n = 0;

    for (int i = 0; i < rows_count(rows); i++) {
        if (rows_i64(rows, i, 0))
            continue;
        n++;
        conversation_tell(c,
                          &(struct conversation_told){rows_i64(rows, i, 1), rows_i64(rows, i, 2),
                                                      rows_i64(rows, i, 3)},
                          CONVERSATION_DELETED);
    }
    return n;
}

int conversations_removed(struct call *c, struct pg_result *rows)
{
    int n = conversations_removed_tell(c, rows);

    c->committed = removed_stop;
    c->undone = removed_forget;
    c->settle_state = rows;
    return n;
}

int conversation_delete(struct call *c, const struct conversation_delete_in *in)
{
    struct pg_result *rows = NULL;
    int r = db_rows(c, Q_conversation_remove, ARGS(c->caller, in->conversation_id), &rows);

    if (r)
        return r;
    return conversations_removed(c, rows)
               ? audit_owed(c, "conversation_deleted", "conversation", in->conversation_id)
               : NOT_FOUND;
}
