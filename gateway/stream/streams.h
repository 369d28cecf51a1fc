#pragma once
/*
 * All streams of this gateway: how many there may be, who has them, and when they end.
 * Each holds a thread of the server (parked, 32 KiB of memory used) and a descriptor.
 */
#include <stdbool.h>
#include <stdint.h>

#include "gateway/exchange.h"
#include "gateway/stream/reader.h"

#define STREAMS_PER_CALLER 16 /* on one gateway, where rates are limited */
#define STREAMS_PER_TURN   32 /* on one gateway */

struct streams;

/* Starts the publishers.  max: streams at once.  DONE, or a fault. */
int streams_new(unsigned max, struct streams **ret) __attribute__((warn_unused_result));
/* No stream may be left. */
void streams_drop(struct streams **all);

/*
 * Takes a place for s, whose caller, session and turn are set.
 * DONE; BUSY: there are too many; RATE_LIMITED: too many of the caller, or of the turn.
 * The problem says why.
 */
int streams_enter(struct streams *all, struct exchange *x, struct reader *s)
    __attribute__((warn_unused_result));
/* The turn of a stream that entered without; RATE_LIMITED. */
int streams_turn(struct streams *all, struct exchange *x, struct reader *s, int64_t turn)
    __attribute__((warn_unused_result));
void streams_leave(struct streams *all, struct reader *s);

/* Gives it to a publisher, which writes to s->fd from now on. */
void streams_publish(struct streams *all, struct reader *s);

/* Ends all streams, and those that begin later. */
void streams_stop(struct streams *all);

/* A session has ended: so do its streams.  0: some may have, unheard; each is to be checked. */
void streams_session_ended(struct streams *all, int64_t session);
/* The keys that verify tokens are other ones: each stream is to look whether its token's is left.
 */
void streams_keys_changed(struct streams *all);

struct streams_stats {
    unsigned open, max;
    /* since the start; resumes: streams that began with a cursor; asks: questions to chatd after
     * the first one */
    uint64_t begun, resumes, asks, slow, revoked, refused, bytes, events;
};
void streams_stats(struct streams *all, struct streams_stats *ret);
/* Something happened that the statistics count. */
enum streams_count { STREAMS_RESUMED, STREAMS_ASKED };
void streams_count(struct streams *all, enum streams_count what);
