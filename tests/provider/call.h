#pragma once
/* Model calls: a state machine from the request to the last delta, and a table of recent ones. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "behaviour.h"
#include "question.h"
#include "timers.h"

struct buffer;
struct call;
struct connection;
struct follower;

enum {
    CALL_RECENT = 16384,          /* calls that are remembered */
    CALL_RECENT_BYTES = 64 << 20, /* ... and their texts */
    CALL_KEY = 32,                /* characters of an id after its prefix */
};

enum call_state {
    CALL_WAITING, /* before the headers, or hung there */
    CALL_HELD,    /* waits for POST /_/release */
    CALL_RUNNING, /* deltas come, or hang */
    CALL_ENDED,   /* no more deltas */
};

enum ending {
    ENDING_COMPLETED,
    ENDING_LENGTH,   /* incomplete: max_output_tokens */
    ENDING_FILTERED, /* incomplete: content_filter */
    ENDING_FAILED,
    ENDING_ERROR,      /* error event, nested as on the wire */
    ENDING_ERROR_FLAT, /* as in the specification */
    ENDING_NOTHING,    /* clean end without a terminal event */
    ENDING_CUT,
    ENDING_HANG,
    ENDING_CANCELLED,
};

enum outcome {
    OUTCOME_RUNNING,
    OUTCOME_COMPLETED,
    OUTCOME_CLIENT_CLOSED,
    OUTCOME_CUT,
    OUTCOME_ERROR,
    OUTCOME_CANCELLED,
};

/*
 * One API's way to say it.  Frames are a pure function of the call, so that no event log exists:
 * before() of them come before the deltas, one is each delta, behind() of them close the stream.
 */
struct dialect {
    const char *endpoint;
    enum question_api api;
    unsigned (*before)(const struct call *call);
    unsigned (*behind)(const struct call *call);
    void (*open)(struct buffer *out, const struct call *call, unsigned frame);
    void (*delta)(struct buffer *out, const struct call *call, unsigned frame, const char *text,
                  size_t length);
    void (*close)(struct buffer *out, const struct call *call, unsigned nth, unsigned frame);
    void (*whole)(struct buffer *out, const struct call *call);
};

struct call {
    uint64_t id;
    char key[CALL_KEY + 1];
    unsigned references; /* the table's and each follower's */
    const struct dialect *dialect;
    struct knobs knobs;
    struct question question;
    struct answer answer;
    char *error;      /* body of `status`; NULL: none */
    uint64_t request; /* number in its x-request-id */
    bool authorization;
    bool accepted; /* the headers went out */
    bool listed;   /* in the table */
    enum call_state state;
    enum ending ending;
    enum outcome outcome;
    unsigned done, stop;           /* deltas so far; deltas before the ending */
    size_t text_done;              /* bytes of them */
    int64_t created_at;            /* Unix time */
    uint64_t started_us, ended_us; /* clock_us() */
    uint64_t bytes;                /* rendered for clients */
    int status;                    /* HTTP, 0 before it is known */
    struct timer timer;
    struct follower *followers;
    struct call *previous, *next; /* calls without an outcome */
};

struct call_counts {
    uint64_t total;
    uint64_t closed_by_client;
    unsigned running;
    unsigned streams; /* followers of streams, attached ones too */
};

extern struct call_counts call_counts;

/* Answers the connection's request by a call of the model that it names. */
void call_start(struct connection *c, const struct dialect *dialect);

/* A background call; its followers' streams end. */
void call_cancel(struct call *call);

/* Settles the outcome, once; call_settle() by the call's own ending. */
void call_outcome(struct call *call, enum outcome outcome);
void call_settle(struct call *call);

/* True for a background call that was accepted: it lives without its client. */
static inline bool call_detached(const struct call *call)
{
    return call->question.background && call->accepted && call->listed;
}

void call_drop(struct call **call);

/* calls.c: the table of recent calls. */
void calls_add(struct call *call);        /* gives it an id */
struct call *calls_get(uint64_t id);      /* NULL: gone or never there */
struct call *calls_find(const char *key); /* by the id without its prefix */
uint64_t calls_first(void);               /* smallest id that may be there */
uint64_t calls_last(void);
struct call *calls_running(void);      /* list by `next` */
void calls_settled(struct call *call); /* leaves that list; goes to the log */
void calls_reset(void);
void calls_log(const char *path); /* one line for each settled call */

/* The gap between deltas of behaviours that do not say. */
void calls_pace(int gap_ms);

/* Running calls that wait for calls_release(). */
unsigned calls_held(void);

/* All held calls go on; calls that come later hold again. */
void calls_release(void);
