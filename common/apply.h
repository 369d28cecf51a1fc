#pragma once
/* A handler's transaction, with what comes before and after it. */
#include "proto/api.h"

struct call;
struct idempotency;

/* apply inside its transaction, with the idempotency key (NULL: none) around it.  c->db is set. */
int call_apply(struct call *c, const struct handler *h, const void *in,
               const struct idempotency *key) __attribute__((warn_unused_result));

/* prepare refused: a repeat gets the first result also where prepare would refuse it by now. */
int call_prepare_refused(struct call *c, const struct idempotency *key, int refused)
    __attribute__((warn_unused_result));

/* Everything that an error before COMMIT may have left in the answer. */
void answer_clear(struct call *c);

/* What was not committed is undone, also outside of the database. */
void answer_undo(struct call *c);
