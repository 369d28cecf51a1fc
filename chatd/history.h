#pragma once
/* The branch above a message, as the model gets it: newest whole turns first, within a budget. */
#include <stdint.h>

#include "chatd/upstream/model_input.h"

struct call;
struct pg_result;

struct history {
    struct model_message *messages; /* oldest first; texts point into rows, files are the call's */
    size_t count;
    int64_t dropped; /* messages of the branch that did not fit */
    struct pg_result *rows;
    struct model_message *memory;
};

/*
 * Reads upwards from `leaf` (0: no history) through c->db; the cost is bounded by the budget, not
 * by the branch's length.  An answer that failed or was cancelled is there with the text that it
 * has: the user has seen it, and may refer to it.  Answers without any text are left out, and one
 * that goes on with a cut-off answer is one message with it.  Files are MODEL_FILE_UNKNOWN, and
 * not counted.
 */
int history_read(struct call *c, int64_t account, int64_t leaf, int64_t budget_tokens,
                 struct history *ret) __attribute__((warn_unused_result));
/*
 * The budget for a branch whose last answer, `leaf`, goes on: as much more as that answer and its
 * question cost, as both always stay.
 */
int history_budget(struct call *c, int64_t account, int64_t leaf, int64_t *budget_tokens)
    __attribute__((warn_unused_result));
/* Once its files are known: leaves out what does not fit into the budget with them. */
void history_fit(struct history *h, int64_t budget_tokens);
void history_drop(struct history *h);
