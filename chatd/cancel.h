#pragma once
/* Cancelling a turn, and what others are told of one that ended in the queue. */
struct chatd;
struct pg_result;

/* A row of turn_end_queued, after COMMIT: tells followers and the account's tabs. */
void queued_end_tell(struct chatd *d, const struct pg_result *row);
