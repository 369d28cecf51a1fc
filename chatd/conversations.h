#pragma once
/* Removing conversations, one by one, with their project, or by age. */

struct call;
struct pg_result;

/*
 * Takes the rows of conversation_remove or conversations_remove: when the call's transaction is
 * committed the turns that they name are stopped, and their owners' tabs told.  Returns how many
 * conversations were removed.
 */
int conversations_removed(struct call *c, struct pg_result *rows);
/* The telling alone, where no turn runs; rows are borrowed. */
int conversations_removed_tell(struct call *c, const struct pg_result *rows);
