#pragma once
/*
 * A turn that this process runs: from turn_new() to its durable end in the ledger.  It belongs to
 * the thread that starts it until it is sent, then to the upstream's until on_end, then to the
 * ledger's.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "chatd/upstream/model_input.h"
#include "chatd/upstream/upstream.h"
#include "common/text.h"
#include "common/trace.h"

struct arena;
struct call;
struct chatd;
struct context;
struct db;

#define TURN_TRIES_MAX 32 /* requests of one attempt that are recorded */

struct turn_try {
    int number, http;
    enum status status;
    char request_id[UPSTREAM_ID_MAX];
    int64_t first_us, total_us;
};

struct turn {
    struct turn *next, *round_next;
    struct chatd *chatd;
    int64_t id, account, fence, attempt;
    int64_t user_message;                   /* the message that asked */
    int64_t project, conversation, message; /* the message is the answer */
    char model[121], created[40];           /* created as PostgreSQL writes it */
    struct trace trace;                     /* of who asked for it */
    char span[SPAN_ID_SIZE];                /* of this attempt, "": it is not traced here */
    struct ids files;                       /* that the model was given */
    struct text sent_with;                  /* JSON, empty while not known; set under chatd->lock */
    struct text answer;                     /* grows under chatd->lock */
    size_t published;                       /* bytes of it that followers were sent */
    size_t stored;                          /* bytes of it that were given to the ledger */
    int64_t dropped;                        /* older messages that did not fit */
    bool in_round;
    /* in the background of the provider: its response, the newest event that the answer ends with;
     * until `placed`, which the ledger sets, followers are told no text */
    bool background;
    char response_id[UPSTREAM_ID_MAX];
    int64_t response_seq;
    atomic_bool placed;
    bool sent, cancel;   /* went upstream; shall end: both under chatd->lock */
    atomic_bool settled; /* what became of it is in the database: memory tells nothing any more */
    atomic_bool lost;    /* another process may have it: writes and publishes nothing */
    bool started;        /* the provider took it */
    int64_t input_guess; /* tokens that it was sent, roughly */
    int64_t begun_us;    /* clock_us() */
    int64_t first_us;    /* from there to the first text, -1: none came */
    struct turn_try tries[TURN_TRIES_MAX];
    int try_count;

    /* how it ended */
    const char *state;          /* "completed", "failed", "cancelled"; "queued": handed over */
    const char *message_status; /* "complete", "incomplete", "failed", "cancelled" */
    char finish_reason[32];
    int64_t input_tokens, output_tokens; /* -1: unknown */
    bool estimated;                      /* the provider did not tell them */
    enum status error;
    bool retryable;
    char detail[UPSTREAM_DETAIL_MAX];
};

/* What a turn is started with. */
struct turn_order {
    int64_t id, account, fence, attempt;
    int64_t user_message;
    int64_t project, conversation, answer;
    int64_t term;            /* of slot_take(), before its row was written */
    int64_t parent;          /* answer that the message follows, 0: none */
    const char *response_id; /* to go on reading, NULL: none */
    int64_t response_seq;
    const char *said; /* what it has said by then */
    const char *model, *created;
    const char *trace;            /* of the request that asked, as on the bus; NULL: not known */
    struct model_message message; /* its files may be MODEL_FILE_UNKNOWN */
    bool continues;               /* the answer above was cut off, and goes on */
    bool claimed; /* from the queue: what it is sent with may have changed meanwhile */
    const struct context *context;
};

/* A turn whose row says that it runs here: listed, so that the keeper leaves the row alone.  The
 * slot was taken before; it goes over to the turn. */
struct turn *turn_new(struct chatd *d, const struct turn_order *o);

/*
 * Builds the model's input (reading the branch above the message through c->db, and asking filed
 * for files) and begins the upstream call.  Takes the turn.  When filed or the database is away,
 * the turn goes back into the queue; when the process ends, it is only dropped.
 */
void turn_start(struct turn *t, struct call *c, const struct turn_order *o);

/* Back into the queue, as if it had not been claimed: a service that it needs is away, which is no
 * end for a turn.  Drops it. */
void turn_return(struct turn *t, struct db *db);

/* Whether followers may be told its text. */
static inline bool turn_may_tell(const struct turn *t)
{
    return !t->background || atomic_load(&t->placed);
}

/* The turn's response is written down: its text may be told. */
void turn_placed(struct chatd *d, int64_t id, int64_t fence, const char *response_id);

/* Ends a turn that never was sent upstream: failed with an error, or cancelled (DONE). */
void turn_end_unsent(struct turn *t, enum status error);

/* Removes it from the list of running turns, gives its slot back, frees it.  Where its row still
 * says that it runs here, the keeper puts it back into the queue. */
void turn_drop(struct turn *t);

/* Whether this process runs the turn with that fence. */
bool turn_is_here(struct chatd *d, int64_t id, int64_t fence);

/* Another process may own our turns: stop them all without writing. */
void turns_lose(struct chatd *d);

/*
 * Whether no other process can own our turns yet: it would have to see our beat stand still for
 * longer than the last one is old.  After a stop of this process that is in doubt until the next
 * beat.
 */
bool turns_are_ours(const struct chatd *d);

/* Cancels the turn if it runs here and is the account's: closes its upstream call.  Any thread. */
bool turn_cancel_own(struct chatd *d, int64_t id, int64_t account);
/* Cancels the turn if it runs here, now or in a moment: closes its upstream call.  Any thread. */
void turn_cancel_here(struct chatd *d, int64_t id);
/* The same at whichever chatd runs it. */
void turn_cancel_everywhere(struct chatd *d, int64_t id);

/* Turns that have not ended. */
int turns_running(struct chatd *d);

/* Publishes {"turn": json, "finish_reason": ... or null} as the end of a turn, and that the queue
 * changed. */
void turn_publish_end(struct chatd *d, int64_t id, int64_t attempt, const char *finish_reason,
                      const char *json, size_t size);

/* What the account's other tabs are told: topic account:<id>, see common/events.h. */
struct turn_told {
    int64_t id, account, project, conversation;
};
void turn_tell(struct chatd *d, const struct turn_told *t, const char *state);
/* The same for rows that begin with these columns (TURN_TOLD in queries.def). */
struct pg_result;
void turns_tell(struct chatd *d, const struct pg_result *rows, const char *state);

extern const struct upstream_hooks turn_hooks;
