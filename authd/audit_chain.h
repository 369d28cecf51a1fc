#pragma once
/*
 * The chain of audit entries.  An entry's hash is the SHA-256 of these lines, each ended by "\n":
 *
 *   hash of the entry before it, hex (64 zeros before the first one)
 *   id, time in microseconds since the epoch, actor, account   (decimal)
 *   action, object, detail, source                             (none holds a control character)
 *   event of the source's outbox (decimal, 0: none)
 *
 * Ids have no gaps.  Where the oldest entries were cut off, the chain begins at the checkpoint.
 */
#include <stdint.h>

#include "common/digest.h"

#define AUDIT_HASH_HEX (2 * DIGEST_SIZE + 1) /* with NUL */

struct call;

struct audit_entry {
    int64_t id, at_us, actor, account;
    const char *action, *object, *detail, *source;
    int64_t event;
};

/* previous: hex.  ret may be previous. */
void audit_hash(const char *previous, const struct audit_entry *e, char ret[AUDIT_HASH_HEX]);

/* Where the chain ends now: id 0 and zeros when nothing is there.  DONE or a fault. */
struct audit_head {
    int64_t id;
    char hash[AUDIT_HASH_HEX];
};
int audit_head_read(struct call *c, struct audit_head *ret) __attribute__((warn_unused_result));

/* Periodic: appends what is pending, some 500 entries at once, and tells the journal the head. */
int audit_tick(struct call *c);

/* Periodic: cuts off what is older than AUDIT_DAYS. */
int audit_expire(struct call *c);

/* What reading the whole chain found. */
struct audit_finding {
    int64_t entries;  /* how many fit */
    int64_t bad;      /* the first one that does not, 0: all do */
    int64_t noted_at; /* the entry that has the noted hash, -1: none has */
};
/* noted: hash of a head that was noted elsewhere, hex; NULL: none.  DONE or a fault. */
int audit_verify(struct call *c, const char *noted, struct audit_finding *ret)
    __attribute__((warn_unused_result));
