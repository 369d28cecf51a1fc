#pragma once
/* Removing conversations, one by one or with their project. */

struct call;
struct pg_result;

/*
 * Takes the rows of conversation_remove or conversations_remove: when the call's transaction is
 * committed the turns that they name are stopped.  Returns how many conversations were removed.
 */
int conversations_removed(struct call *c, struct pg_result *rows);
