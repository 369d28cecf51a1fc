#pragma once
/* What deleted conversations leave behind. */

struct call;

/* A periodic task: erases messages and turns of deleted conversations whose turns have ended, some
 * thousand rows at a time. */
int conversations_erase(struct call *c);

/* A periodic task: deletes, some hundred at a time, conversations that are older than the setting
 * RETENTION_DAYS allows. */
int conversations_expire(struct call *c);
