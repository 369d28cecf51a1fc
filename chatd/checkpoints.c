/* Text of running turns on its way into their rows. */
#include "chatd/checkpoints.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "chatd/chatd.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "chatd/upstream/tokens.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/text.h"

#define STATEMENT_MAX 256 /* turns in one statement, which holds all their rows */
#define TICK_TURNS    128 /* turns whose text is stored at one tick, roughly */

struct checkpoint {
    struct checkpoint *next;
    int64_t turn, fence;
    int64_t at; /* bytes of the answer before it */
    struct text text;
    char response_id[UPSTREAM_ID_MAX]; /* of an answer in the background; without text: is new */
    int64_t response_seq;
};

void checkpoints_init(struct checkpoints *p)
{
    p->first = NULL;
    p->last = &p->first;
}

bool checkpoint_is_due(int64_t turn, int tick, int running)
{
    return (turn + tick) % (1 + running / TICK_TURNS) == 0;
}

static bool is_place(const struct checkpoint *p)
{
    return p->text.size == 0;
}

void checkpoints_add(struct checkpoints *all, const struct turn *t, const char *text, size_t size)
{
    struct checkpoint *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    p->turn = t->id;
    p->fence = t->fence;
    p->at = (int64_t)t->stored;
    if (size)
        text_add(&p->text, text, size);
    snprintf(p->response_id, sizeof p->response_id, "%s", t->response_id);
    p->response_seq = size ? t->response_seq : -1; /* from its beginning */
    *all->last = p;
    all->last = &p->next;
}

void checkpoints_move(struct checkpoints *to, struct checkpoints *from)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    checkpoints_init(from);
}

/* ---- places ---- */

static int places_write(const struct checkpoints *all, struct db *db, const char *process)
{
    int r = DONE;

    for (const struct checkpoint *p = all->first; !r && p; p = p->next) {
        cleanup(rows_drop) struct pg_result *rows = NULL;
        if (is_place(p))
            r = db_run(
                db, Q_turn_place,
                ARGS(p->turn, p->fence, process, (const char *)p->response_id, p->response_seq),
                &rows);
    }
    return r;
}

/* ---- text ---- */

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int checkpoint_order(const void *a, const void *b)
{
    const struct checkpoint *one = *(const struct checkpoint *const *)a;
    const struct checkpoint *other = *(const struct checkpoint *const *)b;
    int by_turn = order(one->turn, other->turn), by_fence = order(one->fence, other->fence);

    return by_turn ? by_turn : by_fence ? by_fence : order(one->at, other->at);
}

/* Those with text, by turn and place; the caller frees the list. */
static struct checkpoint **sorted(const struct checkpoints *all, size_t *ret_count)
{
    struct checkpoint **list = NULL;
    size_t count = 0;

    for (struct checkpoint *p = all->first; p; p = p->next)
        count += !is_place(p);
    list = calloc(count + 1, sizeof *list);
    if (!list)
        abort();
    *ret_count = count;
    count = 0;
    for (struct checkpoint *p = all->first; p; p = p->next)
        if (!is_place(p))
            list[count++] = p;
    qsort(list, count, sizeof *list, checkpoint_order);
    return list;
}

static bool follows(const struct checkpoint *p, const struct checkpoint *next)
{
    return p->turn == next->turn && p->fence == next->fence &&
           p->at + (int64_t)p->text.size == next->at;
}

/* One turn's checkpoints that follow upon each other, as a member of an array: the number of them.
 */
static size_t run_json(struct text *out, struct checkpoint *const *list, size_t count)
{
    struct text said = {0};
    size_t n = 1;

    while (n < count && follows(list[n - 1], list[n]))
        n++;
    text_putc(out, '{');
    text_member_i64(out, "turn", list[0]->turn);
    text_member_i64(out, "fence", list[0]->fence);
    text_member_i64(out, "at", list[0]->at);
    if (list[n - 1]->response_id[0])
        text_member_i64(out, "seq", list[n - 1]->response_seq);
    for (size_t i = 0; i < n; i++)
        text_add(&said, list[i]->text.data, list[i]->text.size);
    text_json_name(out, "text");
    text_json(out, said.data, said.size);
    text_member_i64(out, "tokens", tokens_estimate(said.data, said.size));
    text_putc(out, '}');
    text_drop(&said);
    return n;
}

/* As many as one statement takes; a turn's second run waits for the next.  The number of
 * checkpoints. */
static size_t statement_json(struct text *out, struct checkpoint *const *list, size_t count)
{
    size_t at = 0;

    text_putc(out, '[');
    for (int runs = 0; at < count && runs < STATEMENT_MAX; runs++) {
        if (runs && list[at]->turn == list[at - 1]->turn)
            break;
        if (runs)
            text_putc(out, ',');
        at += run_json(out, list + at, count - at);
    }
    text_putc(out, ']');
    return at;
}

/* Losing the last moments of an unfinished answer costs nothing: a takeover begins anew, or reads
 * them again. */
static int statement_run(struct db *db, const char *process, const struct text *json)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_command(db, "BEGIN; SET LOCAL synchronous_commit = off");

    if (!r)
        r = db_run(db, Q_turn_append, ARGS(process, (const char *)json->data), &rows);
    if (r) {
        db_rollback(db);
        return r;
    }
    return db_commit(db);
}

int checkpoints_write(const struct checkpoints *all, struct db *db, const char *process)
{
    cleanup(text_drop) struct text json = {0};
    size_t count;
    struct checkpoint **list = sorted(all, &count);
    int r = places_write(all, db, process);

    for (size_t at = 0; !r && at < count;) {
        text_clear(&json);
        at += statement_json(&json, list + at, count - at);
        r = statement_run(db, process, &json);
    }
    free(list);
    return r;
}

void checkpoints_drop(struct checkpoints *all, struct chatd *d, bool placed)
{
    struct checkpoint *next;

    for (struct checkpoint *p = all->first; p; p = next) {
        next = p->next;
        if (placed && is_place(p))
            turn_placed(d, p->turn, p->fence, p->response_id);
        text_drop(&p->text);
        free(p);
    }
    checkpoints_init(all);
}
