#pragma once
/*
 * One client that reads events.  Three threads meet here: the broker's, whose callback copies
 * records into the inbox and never waits; a publisher's, which alone turns them into events and
 * writes what the connection takes at once; and the client's own, which is parked, does what may
 * take long (asking for the turn), and outlives the other two.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/text.h"
#include "gateway/stream/turn_feed.h"
#include "gateway/turn_watch.h"

#define READER_BEAT_US   9500000  /* between heartbeats: with a tick more at most 10 s */
#define READER_STALL_US  15000000 /* a client that takes no byte for so long is dropped */
#define READER_ROOM      32768  /* bytes of events that are made before the connection takes them */
#define READER_INBOX_MAX 262144 /* bytes of records that wait for the publisher */
#define READER_RETRY_MS  1000   /* after which browsers come back */

struct event;
struct json_object;
struct publisher;

enum reader_end {
    READER_RUNS,
    READER_TOLD,    /* everything, the last event too */
    READER_LEFT,    /* the client is gone */
    READER_SLOW,    /* the client does not read */
    READER_STOPPED, /* the gateway stops: the client comes back to another one */
    READER_REVOKED, /* its session has ended, or its token's key verifies no more */
};

enum reader_doubt { DOUBT_SESSION = 1, DOUBT_KEY = 2 };

struct reader {
    int64_t caller, session, turn; /* turn 0: the account's events */
    int fd;                        /* of the connection, borrowed from its thread */
    struct turn_watch watch;       /* where the client's thread waits */
    LIST_ENTRY(reader) registered;

    /* shared */
    pthread_mutex_t lock;
    struct text inbox;          /* records, as event_append() writes them */
    bool inbox_lost;            /* one did not fit */
    struct json_object *answer; /* of turn_look, for the publisher; owned */
    bool is_gone;               /* turn_look says that the turn is no more */
    bool wants;                 /* the client's thread is to ask for what is behind ... */
    uint32_t at_attempt;        /* ... these, */
    uint64_t at_bytes;
    int64_t position;    /* in the queue, as it was told */
    enum reader_end end; /* set once */
    unsigned doubts;     /* of enum reader_doubt: what is to be checked again */
    bool leaving;        /* the client's thread wants it back */
    bool queued;         /* in the publisher's list; under the publisher's lock */
    bool queued_last;    /* nobody puts it there any more; likewise */

    /* the publisher's own */
    struct publisher *publisher; /* NULL: not begun */
    LIST_ENTRY(reader) published;
    struct turn_feed feed;
    struct text out; /* written up to out_at */
    size_t out_at;
    bool is_begun, is_polled;
    bool watches_out;   /* epoll tells when the connection takes more */
    int64_t blocked_us; /* since when it takes nothing, 0: it takes what there is */
    int64_t beat_due_us;
    uint64_t bytes, events; /* that were sent; of the events those that feed does not count */
    uint64_t counted_bytes, counted_events;
    sem_t given_back;
};

/* turn 0: the account's events. */
void reader_init(struct reader *s, int64_t caller, int64_t session, int64_t turn);
/* After its follower has ended and stream_leave(). */
void reader_drop(struct reader *s);

/* Callback of followers; state is the stream. */
void reader_event(void *state, const struct event *e);

/* An answer to what the stream wants; taken.  NULL: the turn is no more. */
void reader_answer(struct reader *s, struct json_object *answer);

/* Ends it; the first end counts.  Any thread. */
void reader_end(struct reader *s, enum reader_end end);

/* For its publisher: takes what has come in, writes what goes out. */
void reader_pump(struct reader *s, int64_t now);
/* The connection was shut by the client, or broke. */
void reader_hung_up(struct reader *s);
/* Each PUBLISHER_TICK_MS. */
void reader_tick(struct reader *s, int64_t now);
