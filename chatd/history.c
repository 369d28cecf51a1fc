/* Reads a branch of a conversation within the token budget. */
#include "chatd/history.h"

#include <stdlib.h>
#include <string.h>

#include "chatd/files.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define BYTES_PER_TOKEN 4 /* see model_input_tokens() */

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
    rows_ids(rows, row, 3, &ids);
    m->file_count = ids.count;
    m->files = ids.count ? files_new(&c->arena, &ids) : NULL;
}

int history_read(struct call *c, int64_t account, int64_t leaf, int64_t budget_tokens,
                 struct history *ret)
{
    int r, n;

    *ret = (struct history){0};
    if (!leaf)
        return DONE;
    r = db_run(c->db, Q_history_read, ARGS(account, leaf, budget_tokens * BYTES_PER_TOKEN),
               &ret->rows);
    if (r)
        return r;
    n = rows_count(ret->rows);
    ret->memory = calloc((size_t)n + 1, sizeof *ret->memory);
    if (!ret->memory)
        abort();
    for (int i = n - 1; i >= 0; i--) {
        message_read(c, ret->rows, i, &ret->memory[ret->count]);
        ret->count += ret->memory[ret->count].size > 0;
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
