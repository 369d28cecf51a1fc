#pragma once
/*
 * Exports of whole accounts.  A row is a promise that survives every process: whoever makes an
 * archive holds its row by a lease, and who finds one whose lease has ended begins it anew.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/call.h"
#include "filed/store.h"

struct exports;

/* Starts the thread that makes them, one after the other. */
int exports_start(struct daemon *d, const struct store *s, struct exports **ret)
    __attribute__((warn_unused_result));
/* Ends it; what it was at is begun anew by the next process.  Accepts NULL. */
void exports_drop(struct exports **e);
/* There may be something to do.  Accepts NULL. */
void exports_wake(struct exports *e);

/* A periodic task: deletes what has expired, and archives that no row knows. */
int exports_expire(struct call *c);

/* One that is being made. */
struct making {
    struct call call; /* on behalf of its owner, with the thread's connection */
    const struct store *store;
    int64_t id, try;
    int64_t projects, conversations, files; /* in it so far */
    int64_t renewed_us;
    /* Before each piece of work: DONE; CONFLICT: it is not ours any more; UNAVAILABLE: the process
     * ends, or the database is away. */
    int (*go_on)(struct making *m);
    void *state;
};

/* Makes the archive; leaves it in the directory only when DONE.  CONFLICT, as above; STORAGE_FULL;
 * TOO_LARGE: a conversation, or the whole, is larger than what can be exported; what others
 * answered; or a fault. */
int export_make(struct making *m, int64_t *ret_bytes, char ret_sha256[SHA256_HEX])
    __attribute__((warn_unused_result));
