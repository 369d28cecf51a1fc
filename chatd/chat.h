#pragma once
/* Accepting turns: what POST /chat shares with those that answer a message once more. */
#include <stdbool.h>
#include <stdint.h>

#include "chatd/turn.h"
#include "chatd/upstream/model_input.h"

struct call;
struct context;

/* What is found out before the transaction: struct call's prepared. */
struct chat_prepared {
    const struct context *context;
    struct model_message message; /* with its files */
};

/* What apply leaves for after COMMIT; zeroed arena memory. */
struct accepted {
    struct turn_order
        order;    /* the caller sets project, conversation, parent, user_message, continues */
    bool running; /* here; else it waits in the queue */
    bool slot;
};

/*
 * Finds a slot (only if it may run now), and holds the tokens that the turn may cost.  From here on
 * the turn begins after COMMIT, and what was taken is given back without. DONE with *ret_reserved;
 * QUEUE_FULL, TOKENS_SPENT.
 */
int chat_accept(struct call *c, struct accepted *a, bool may_run, int64_t *ret_reserved)
    __attribute__((warn_unused_result));

/*
 * The turn was written, all ids of the order are set: the reply, for the gateway.  Last of all in
 * the transaction.  QUEUE_FULL when it waits, and is one too many: a turn that found a slot waits
 * too, where its user runs as many as may.
 */
int chat_accepted(struct call *c, const struct accepted *a) __attribute__((warn_unused_result));

/* What a model is told, in place of a message, when its last answer was cut off and goes on. */
struct model_message chat_go_on(void);
