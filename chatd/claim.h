#pragma once
#include <stdbool.h>

/* Turns from the queue: claimed while this process has free slots. */
struct chatd;
struct db;

/* Claims and starts as many turns as there are slots for and the rules let run; no more for now
 * when one could not be started.  True: none is left in the queue. */
bool claim_all(struct chatd *d, struct db *db);
