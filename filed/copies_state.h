#pragma once
/* Inside of the copies' thread: what copies.c, copy_work.c and sweep.c share. */
#include <pthread.h>
#include <stdatomic.h>

#include "common/db.h"
#include "common/spans.h"
#include "filed/copies.h"
#include "filed/provider.h"

#define SLOTS 6 /* requests under way */

enum slot_kind { SLOT_IDLE, SLOT_UPLOAD, SLOT_DELETE, SLOT_LIST, SLOT_KINDS };

struct slot {
    enum slot_kind kind;
    struct provider_call call;
    struct span_call span;      /* a trace of its own: what asked for it may be days ago */
    int64_t copy, file_id, try; /* row */
    int failures;
    bool leased; /* its row is still ours */
};

/* The comparison of the provider's list with the rows. */
struct sweep {
    bool wanted, running;
    bool broken;                  /* a row could not be read or written */
    bool whole;                   /* also looks for copies that the provider lost */
    char began[40];               /* database time */
    char finished[40];            /* when the last one that came to its end began */
    char after[PROVIDER_ID_MAX];  /* next page */
    int64_t again_us, day_due_us; /* clock_us(): when to look once more, 0: not planned */
};

struct copies {
    struct daemon *daemon;
    const struct store *store;
    struct provider *provider;
    struct db *db;
    CURLM *multi;
    pthread_t thread;
    bool started;
    atomic_bool stop, woken;
    char installation[24];
    struct slot slots[SLOTS];
    struct sweep sweep;
    int64_t pause_until_us; /* the provider takes nothing now */
    int pauses;             /* in a row */
    int64_t look_due_us, backfill_after;
    bool backfilled;
};

/* A free slot for that kind, or NULL. */
struct slot *slot_free(struct copies *c, enum slot_kind kind);
/* Sends the request that is in the slot's call. */
void slot_run(struct copies *c, struct slot *s, enum slot_kind kind);
void slot_end(struct copies *c, struct slot *s);

/* The provider takes nothing for a while; asked_ms: what it said, or -1. */
void copies_pause(struct copies *c, int64_t asked_ms);

/* Runs a statement; the rows changed, or -1 when it failed. */
int64_t copies_do(struct copies *c, int query, size_t n, const struct arg *args);

/* Begins due uploads and deletions as far as there are slots. */
void copy_work_begin(struct copies *c);
/* An upload or deletion has ended. */
void copy_work_end(struct copies *c, struct slot *s, const struct provider_result *result);
/* Renews the leases, and breaks off what is not ours any more. */
void copy_work_renew(struct copies *c);
/* Gives everything back. */
void copy_work_release(struct copies *c);

/* Begins a sweep if one is due. */
void sweep_look(struct copies *c);
/* A page has come. */
void sweep_page(struct copies *c, struct slot *s, const struct provider_result *result);
/* What came of a try is not known: looks, and looks again later. */
void sweep_want(struct copies *c);
