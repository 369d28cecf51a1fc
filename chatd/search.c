/*
 * GET /search: the caller's own messages and titles, by PostgreSQL's full text search.
 *
 * At most RANKED_MAX hits are ranked.  Where more messages have the words, the index of words would
 * give any of them: then the newest ones are taken instead, which are found fast for the very
 * reason that there are many.  The index has to collect all messages that have a word before it
 * gives the first, which takes long where a large part of a million has it: so a look at some of
 * the newest comes first, and finds out.
 */
#include "chatd/search.h"

#include <inttypes.h>
#include <stdio.h>

#include "chatd/chatd.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"

#define RANKED_MAX   1000
#define LOOKED_FIRST 3000 /* newest messages: a third with the words makes the index needless */
#define PAGE         20   /* hits that are shown when no limit is asked for */
#define COLUMN_FOUND 7    /* behind the shape */
#define FILL_AT_ONCE 100  /* messages read into the index in one statement */
#define FILL_BATCHES 10   /* of one run of the task */
#define AGAIN        1000 /* messages of one run that another language wants read again */

struct asked {
    const char *index, *snippet; /* tsquery */
    bool words;
};

#define SEARCH_ARGS                                                               \
    c->caller, q->index, q->snippet, conf_str(d->conf, SET_SEARCH_LANGUAGE),      \
        in->has_after ? in->after : INT64_C(0), in->has_limit ? in->limit : PAGE, \
        arg_i64_if(in->has_project_id, in->project_id), RANKED_MAX

static int few_read(struct call *c, const struct search_in *in, const struct asked *q,
                    struct pg_result **ret)
{
    const struct chatd *d = call_state(c);

    rows_drop(ret);
    return db_rows(c, Q_search_few, ARGS(SEARCH_ARGS), ret);
}

static int newest_read(struct call *c, const struct search_in *in, const struct asked *q,
                       int64_t looked, struct pg_result **ret)
{
    const struct chatd *d = call_state(c);

    rows_drop(ret);
    return db_rows(c, Q_search_newest, ARGS(SEARCH_ARGS, looked), ret);
}

static bool is_full(const struct pg_result *rows)
{
    return rows_count(rows) > 0 && rows_i64(rows, 0, COLUMN_FOUND) >= RANKED_MAX;
}

static int find(struct call *c, const struct search_in *in, struct pg_result **ret)
{
    const struct chatd *d = call_state(c);
    struct asked q = {0};
    int r =
        db_get(c, Q_search_parse, ARGS(c->caller, in->q, conf_str(d->conf, SET_SEARCH_LANGUAGE)),
               INTO(&q.index, &q.snippet, &q.words));

    if (r || !q.words)
        return r;
    r = newest_read(c, in, &q, LOOKED_FIRST, ret);
    if (r || is_full(*ret))
        return r;
    r = few_read(c, in, &q, ret);
    if (!r && is_full(*ret))
        r = newest_read(c, in, &q, INT64_MAX, ret);
    return r;
}

/* Within a time limit of its own, which is shorter than the lane's. */
static int find_in_time(struct call *c, const struct search_in *in, struct pg_result **ret)
{
    const struct chatd *d = call_state(c);
    char begin[96];
    int r;

    snprintf(begin, sizeof begin, "BEGIN READ ONLY; SET LOCAL statement_timeout = %" PRId64,
             conf_i64(d->conf, SET_SEARCH_TIMEOUT));
    r = db_command(c->db, begin);
    if (!r)
        r = find(c, in, ret);
    if (!r)
        return db_commit(c->db);
    db_rollback(c->db);
    return r == BUSY ? SEARCH_TOO_SLOW : r;
}

int search(struct call *c, const struct search_in *in)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int64_t limit = in->has_limit ? in->limit : PAGE, after = in->has_after ? in->after : 0;
    int r = find_in_time(c, in, &rows);

    if (r)
        return r;
    if (!rows) {
        text_puts(&c->out, "[]");
        return DONE;
    }
    rows_json(&c->out, c->op->out, rows, rows_count(rows));
    if (rows_count(rows) >= limit && after + limit < RANKED_MAX)
        snprintf(c->next, sizeof c->next, "%" PRId64, after + limit);
    return DONE;
}

int search_fill(struct call *c)
{
    const struct chatd *d = call_state(c);
    const char *language = conf_str(d->conf, SET_SEARCH_LANGUAGE);
    int64_t n = FILL_AT_ONCE;
    int r = db_do(c, Q_search_language, ARGS(language));

    if (!r || r == NOT_FOUND)
        r = db_do(c, Q_search_again, ARGS(AGAIN));
    if (r == NOT_FOUND)
        r = DONE;
    for (int i = 0; !r && n >= FILL_AT_ONCE && i < FILL_BATCHES; i++)
        r = db_get(c, Q_search_fill, ARGS(language, FILL_AT_ONCE), INTO(&n));
    return r;
}

int search_title(struct call *c, int64_t conversation)
{
    const struct chatd *d = call_state(c);
    int r = db_do(c, Q_search_title, ARGS(conversation, conf_str(d->conf, SET_SEARCH_LANGUAGE)));

    return r == NOT_FOUND ? DONE : r;
}
