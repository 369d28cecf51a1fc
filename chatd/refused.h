#pragma once
/*
 * Turns that the provider refused before the first word, while they gave it files by id: a file may
 * have been deleted, or lost by the provider, after it was looked up.  The claimer looks once more:
 * such a turn goes back into the queue and is tried again without that file, any other one ends as
 * refused.
 */
#include <stdbool.h>

struct chatd;
struct turn;

/* The upstream's thread.  True: the turn has ended that way and is kept for refused_look(); false:
 * it has not, or the process ends. */
bool refused_keep(struct turn *t);

/* The claimer's thread: decides on all that are kept. */
void refused_look(struct chatd *d);

/* Ends all that are kept, and keeps no more: the process drains. */
void refused_end(struct chatd *d);
