#pragma once
/* The beats of other processes, as this one sees them on its own clock.  Pure. */
#include <stdbool.h>
#include <stdint.h>

#define PEERS_MAX 1000
/* A beat that stands still for so long belongs to a dead process. */
#define PEER_SILENT_US 3000000
/* What counts at most between two rounds.  When more passed, this process did not watch: it was
 * stopped, or its database hung, and maybe all others with it; who was heard of until then has the
 * time for its next beat. */
#define PEER_GAP_US 1000000

struct peer {
    char id[40];
    int64_t beat;
    int64_t since_us; /* of watched_us, when this beat was first seen */
    bool listed;
};

struct peers {
    struct peer *list;
    int count;
    int64_t round_us;   /* when the last round began, 0: none since peers_forget() */
    int64_t watched_us; /* how long was watched until then */
};

/* Before a round of peer_seen().  now_us: a time before the beats were asked for, so that a stop of
 * this process between question and answer makes nobody look older. */
void peers_begin(struct peers *p, int64_t now_us);
/* One process and its beat.  True: it is dead. */
bool peer_seen(struct peers *p, const char *id, int64_t beat);
/* After a round: forgets those that were not seen. */
void peers_end(struct peers *p);
/* The connection was interrupted: what was seen before proves nothing. */
void peers_forget(struct peers *p);
