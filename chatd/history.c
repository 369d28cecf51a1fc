/* Reads a branch of a conversation within the token budget. */
#include "chatd/history.h"

#include <stdlib.h>
#include <string.h>

#include "chatd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"

#define BYTES_PER_TOKEN 4 /* see model_input_tokens() */

int history_read(struct call *c, int64_t account, int64_t leaf, int64_t budget_tokens,
                 struct history *ret)
{
    int r, n;
    size_t kept = 0, dropped;

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
        struct model_message *m = &ret->memory[kept];
        m->role = rows_str(ret->rows, i, 0)[0] == 'u' ? MODEL_ROLE_USER : MODEL_ROLE_ASSISTANT;
        m->text = rows_str(ret->rows, i, 1);
        m->size = strlen(m->text);
        if (m->size)
            kept++;
    }
    dropped = model_input_dropped(ret->memory, kept, budget_tokens);
    ret->messages = ret->memory + dropped;
    ret->count = kept - dropped;
    /* the leaf's depth counts the messages above it */
    ret->dropped = (n ? rows_i64(ret->rows, 0, 2) + 1 - n : 0) + (int64_t)dropped;
    return DONE;
}

void history_drop(struct history *h)
{
    rows_drop(&h->rows);
    free(h->memory);
    *h = (struct history){0};
}
