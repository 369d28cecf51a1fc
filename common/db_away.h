#pragma once
/* What the journal tells of a database that is away: all threads meet it, again and again. */

/* One thread of the process says so at once, then after 1, 2, 4 s and so on, at most each minute.
 * event: a constant ("db_lost"); what: the statement, or "-"; why: as libpq says it. */
void db_away(const char *event, const char *what, const char *why);

/* A connection was made: says for how long it was away, if db_away() had said so. */
void db_back(void);
