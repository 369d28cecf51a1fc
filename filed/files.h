#pragma once
/* What is left when files go. */
struct call;
struct pg_result;

/* Gives back what removed files had: room, contents, copies at the provider.  rows: id, owner,
 * SHA-256, bytes.  DONE or a fault. */
int files_release(struct call *c, const struct pg_result *rows) __attribute__((warn_unused_result));
