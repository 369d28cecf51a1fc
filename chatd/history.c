/* Reads a branch of a conversation within the token budget. */
#include "chatd/history.h"

#include <stdlib.h>
#include <string.h>

#include "chatd/files.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define BYTES_PER_TOKEN 4 /* at most, see tokens_estimate() */

void history_fit(struct history *h, int64_t budget_tokens)
{
    size_t dropped = model_input_fit(h->messages, h->count, budget_tokens);

    h->messages += dropped;
    h->count -= dropped;
    h->dropped += (int64_t)dropped;
}

static void message_read(struct call *c, const struct pg_result *rows, int row,
                         struct model_message *m)
{
    struct ids ids;

    m->role = rows_str(rows, row, 0)[0] == 'u' ? MODEL_ROLE_USER : MODEL_ROLE_ASSISTANT;
    m->text = rows_str(rows, row, 1);
    m->size = strlen(m->text);
    m->tokens = model_input_tokens(m->text, m->size);
    rows_ids(rows, row, 3, &ids);
    m->file_count = ids.count;
    m->files = ids.count ? files_new(&c->arena, &ids) : NULL;
}

int history_budget(struct call *c, int64_t account, int64_t leaf, int64_t *budget_tokens)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = db_run(c->db, Q_answer_parts, ARGS(account, leaf), &rows);

    for (int i = 0; !r && i < rows_count(rows); i++) {
        const char *text = rows_str(rows, i, 0);
        *budget_tokens += model_input_tokens(text, strlen(text));
    }
    return r;
}

/* Whether it goes on with the message before: then that has both texts. */
static bool is_joined(struct call *c, const struct history *h, const struct model_message *m)
{
    struct model_message *before = h->count ? &h->memory[h->count - 1] : NULL;
    char *both;

    if (!before || before->role != MODEL_ROLE_ASSISTANT || m->role != MODEL_ROLE_ASSISTANT)
        return false;
    both = arena_alloc(&c->arena, before->size + m->size + 1);
    memcpy(both, before->text, before->size);
    memcpy(both + before->size, m->text, m->size + 1);
    before->text = both;
    before->size += m->size;
    before->tokens += m->tokens;
    return true;
}

int history_read(struct call *c, int64_t account, int64_t leaf, int64_t budget_tokens,
                 struct history *ret)
{
    int r, n;

    *ret = (struct history){0};
    if (!leaf)
        return DONE;
    r = db_run(c->db, Q_history_read,
               ARGS(account, leaf, budget_tokens * BYTES_PER_TOKEN,
                    (int64_t)(MODEL_INPUT_MESSAGE * BYTES_PER_TOKEN)),
               &ret->rows);
    if (r)
        return r;
    n = rows_count(ret->rows);
    ret->memory = calloc((size_t)n + 1, sizeof *ret->memory);
    if (!ret->memory)
        abort();
    for (int i = n - 1; i >= 0; i--) {
        struct model_message *m = &ret->memory[ret->count];
        message_read(c, ret->rows, i, m);
        ret->count += m->size > 0 && !is_joined(c, ret, m);
    }
    ret->messages = ret->memory;
    /* the leaf's depth counts the messages above it */
    ret->dropped = n ? rows_i64(ret->rows, 0, 2) + 1 - n : 0;
    history_fit(ret, budget_tokens);
    return DONE;
}

void history_drop(struct history *h)
{
    rows_drop(&h->rows);
    free(h->memory);
    *h = (struct history){0};
}
