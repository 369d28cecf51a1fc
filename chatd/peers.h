#pragma once
/* The beats of other processes, as this one sees them on its own clock.  Pure. */
#include <stdbool.h>
#include <stdint.h>

#define PEERS_MAX 1000
#define PEER_SILENT_US                                                        \
    3000000 /* a beat that stands still for so long belongs to a dead process \
             */

struct peer {
    char id[40];
    int64_t beat;
    int64_t since_us; /* when this beat was first seen */
    bool listed;
};

struct peers {
    struct peer *list;
    int count;
};

/* Before a round of peer_seen(). */
void peers_begin(struct peers *p);
/* One process and its beat, read at now_us.  True: it is dead. */
bool peer_seen(struct peers *p, const char *id, int64_t beat, int64_t now_us);
/* After a round: forgets those that were not seen. */
void peers_end(struct peers *p);
/* The connection was interrupted: what was seen before proves nothing. */
void peers_forget(struct peers *p);
