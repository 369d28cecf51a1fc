#pragma once
/*
 * What the events of one turn have told so far, for a thread that waits for it.  Events make
 * waiting short; they may be lost, so silence and surprises mean: ask for the turn.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "gateway/broker/broker.h"

#define TURN_SILENCE_MS 2000 /* the turn's owner speaks each second */

enum turn_news {
    TURN_ENDED,   /* watch->ended holds the ended turn */
    TURN_MOVED,   /* another attempt has begun */
    TURN_CALLED,  /* by turn_watch_call() */
    TURN_SILENT,  /* nothing was heard for silence_ms */
    TURN_NOTHING, /* the time is over */
};

struct turn_watch {
    pthread_mutex_t lock;
    pthread_cond_t news;
    int64_t heard_us; /* last event, or last turn_watch_asked() */
    uint32_t attempt; /* 0: not known yet */
    bool moved, has_ended, called;
    int64_t silence_ms; /* TURN_SILENCE_MS unless somebody sets it before waiting */
    struct text ended;  /* JSON of EVENT_ENDED */
};

void turn_watch_init(struct turn_watch *w);
/* The follower must have been ended before. */
void turn_watch_drop(struct turn_watch *w);

/* For bus_request.on_turn; state is the watch.  On the broker's thread. */
follow_fn turn_watch_event;

/* The same for who reads the events elsewhere: they only prove that the owner speaks.  Any thread.
 */
void turn_watch_heard(struct turn_watch *w);

/* Ends the wait, or the next one.  Any thread. */
void turn_watch_call(struct turn_watch *w);

/* Waits for news, at most until until_us (clock_us). */
enum turn_news turn_watch_wait(struct turn_watch *w, int64_t until_us);

/* The turn was asked for: silence counts from now. */
void turn_watch_asked(struct turn_watch *w);
