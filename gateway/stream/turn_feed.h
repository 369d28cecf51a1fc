#pragma once
/*
 * What one reader of a turn's events is told: records of the bus and answers of turn_look go in,
 * events come out, in order and without a gap or a repeated byte of an attempt's text.  Pure: no
 * thread, no socket, no clock.
 *
 * Attempts only grow; what is told of an older one than the reader has is dropped, so nothing that
 * a process still says that lost its turn gets through.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define FEED_REST_MAX                                                                        \
    262144               /* bytes of text that wait for a slow reader; the rest is asked for \
                          */
#define FEED_PIECE 16384 /* bytes of text in one event */

struct event;
struct json_object;

struct turn_feed {
    int64_t turn, conversation, message;
    char model[121];
    uint32_t attempt; /* whose text is told, 0: none yet */
    uint64_t taken;   /* bytes of it that are told, or wait in rest */
    struct text rest; /* not told yet from rest_at on */
    size_t rest_at;
    struct text tail; /* the last events, to be told behind the rest */
    struct text *out; /* where events are written */
    int64_t position; /* in the queue as it was told, 0: not queued */
    uint64_t told;    /* events */
    bool is_started;  /* the attempt's start was told */
    bool has_ended;   /* nothing more goes in */
    bool wants;       /* something is missing: turn_look(attempt, taken) has it */
};

/* out is borrowed and must outlive it.  turn_feed_drop() accepts what is not begun. */
void turn_feed_init(struct turn_feed *f, struct text *out);
void turn_feed_drop(struct turn_feed *f);

/* Begins for a turn that was accepted now: tells `accepted`. */
void turn_feed_accept(struct turn_feed *f, int64_t turn, int64_t conversation, int64_t message,
                      const char *model);

/*
 * Begins where a reader's cursor is (0: at the beginning), with turn_look's answer to it.
 * DONE: goes on; *ret_over: the reader has everything.  STREAM_EXPIRED; BAD_INPUT: no reader can
 * have been there.
 */
int turn_feed_resume(struct turn_feed *f, uint64_t cursor, struct json_object *o, bool *ret_over)
    __attribute__((warn_unused_result));

/* A record of topic turn:<id>. */
void turn_feed_event(struct turn_feed *f, const struct event *e);

/* An answer of turn_look(attempt, taken) as they were at any moment since. */
void turn_feed_look(struct turn_feed *f, struct json_object *o);

/* The turn is no more: its conversation was deleted. */
void turn_feed_gone(struct turn_feed *f);

/* Writes what waits until out has `room` bytes.  True: everything is written, the last event too.
 */
bool turn_feed_pump(struct turn_feed *f, size_t room);

/* Whether a turn in that state has ended: nothing of it changes any more. */
bool turn_state_ended(const char *state);

/* Bytes of text that wait. */
size_t turn_feed_waiting(const struct turn_feed *f);
