/* GET /conversations/{id}/messages: a branch of the tree, or all of it, page by page. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define PAGE_BYTES (4 << 20) /* of text; one longer message is a page of its own */

#define PARENT     2 /* columns of MESSAGE_SHAPE, and what follows it */
#define FOUND      11

/* Which messages, and from where. */
struct range {
    bool ascends, all;
    int64_t leaf;  /* of the branch */
    int64_t after; /* 0: from the beginning */
    int64_t limit;
};

static int order_read(struct call *c, const struct message_list_in *in, struct range *ret)
{
    ret->ascends = in->has_order && strcmp(in->order, "asc") == 0;
    if (in->has_order && !ret->ascends && strcmp(in->order, "desc") != 0)
        return refuse(c, BAD_INPUT, "order", "order must be asc or desc");
    ret->all = in->has_all && in->all;
    if (ret->all && in->has_leaf)
        return refuse(c, BAD_INPUT, "leaf", "leaf and all exclude each other");
    ret->after = in->has_after ? in->after : 0;
    ret->limit = in->has_limit ? in->limit : LIST_LIMIT;
    return DONE;
}

static int leaf_find(struct call *c, const struct message_list_in *in, struct range *ret)
{
    int64_t parent;
    int r = db_get(c, Q_conversation_leaf, ARGS(c->caller, in->conversation_id), INTO(&ret->leaf));

    if (r || !in->has_leaf)
        return r;
    ret->leaf = in->leaf;
    r = db_get(c, Q_message_parent, ARGS(c->caller, in->conversation_id, in->leaf), INTO(&parent));
    return r == NOT_FOUND ? refuse(c, NOT_FOUND, "leaf", "no such message in this conversation")
                          : r;
}

static int all_read(struct call *c, int64_t conversation, const struct range *range,
                    struct pg_result **ret)
{
    int64_t from = range->ascends || range->after ? range->after : INT64_MAX;

    return db_rows(c, range->ascends ? Q_messages_asc : Q_messages_desc,
                   ARGS(c->caller, conversation, from, range->limit, PAGE_BYTES), ret);
}

/* Above a message there is one way only, so that the next page begins at the parent of the last
 * one's end, whatever the active leaf is by now. */
static int up_read(struct call *c, int64_t conversation, const struct range *range,
                   struct pg_result **ret)
{
    int64_t from = range->leaf;
    int r = DONE;

    if (range->after) {
        from = 0;
        r = db_get(c, Q_message_parent, ARGS(c->caller, conversation, range->after), INTO(&from));
    }
    if (r && r != NOT_FOUND)
        return r;
    return db_rows(c, Q_messages_up, ARGS(c->caller, conversation, from, range->limit, PAGE_BYTES),
                   ret);
}

static int page_read(struct call *c, int64_t conversation, const struct range *range,
                     struct pg_result **ret)
{
    if (range->all)
        return all_read(c, conversation, range, ret);
    if (!range->ascends)
        return up_read(c, conversation, range, ret);
    return db_rows(
        c, Q_messages_down,
        ARGS(c->caller, conversation, range->leaf, range->limit, PAGE_BYTES, range->after), ret);
}

/* A page that was cut by its bytes has a next one, too. */
static bool has_next(const struct range *range, const struct pg_result *rows, int n)
{
    if (n == 0 || n >= range->limit)
        return n > 0;
    return range->all || range->ascends ? rows_i64(rows, n - 1, FOUND) > n
                                        : !rows_null(rows, n - 1, PARENT);
}

int message_list(struct call *c, const struct message_list_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    struct range range;
    int r = order_read(c, in, &range), n;

    if (!r)
        r = leaf_find(c, in, &range);
    if (!r)
        r = page_read(c, in->conversation_id, &range, &rows);
    if (r)
        return r;
    n = rows_count(rows);
    rows_json(&c->out, c->op->out, rows, n);
    if (has_next(&range, rows, n))
        snprintf(c->next, sizeof c->next, "%" PRId64, rows_i64(rows, n - 1, 0));
    return DONE;
}
