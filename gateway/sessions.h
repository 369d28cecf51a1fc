#pragma once
/*
 * Tokens that this gateway has checked, and for how long it may trust them.
 *
 * A token is remembered after its signature and its session were checked.  It is trusted only while
 * authd's session events keep coming: each carries the number of the newest revocation and the
 * newest revoked sessions.  After a gap in the numbers, or SESSIONS_SILENCE_MS without an event, no
 * remembered token is trusted until its session was checked again; so a logged-out token is refused
 * everywhere at most that long after its logout, whatever was cut off or restarted.
 *
 * Times are clock_us() except `expires`, which is seconds of the wall clock as in the token.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

#define SESSIONS_SILENCE_MS 1000

struct sessions;

/* What an API key may do; nothing of it counts for sessions. */
struct key_rights {
    unsigned scopes; /* of enum key_scope */
    int64_t project; /* the only one that it reaches, 0: all */
    int64_t rate;    /* requests a minute, 0: the platform's */
};

/* session: of a token; below 0 the negated id of an API key. */
struct session_entry {
    int64_t account, session, expires;
    bool admin, limited; /* limited: its account needs a second factor first */
    struct key_rights rights;
};

enum session_trust {
    SESSION_UNKNOWN, /* never seen, or expired, or forgotten */
    SESSION_DOUBTED, /* its signature is good; its session must be checked again */
    SESSION_TRUSTED,
};

/* capacity: tokens, a power of two of at least 64. */
struct sessions *sessions_new(size_t capacity);
void sessions_drop(struct sessions **s);

/* What is known of the token with that SHA-256.  ret is set unless it is UNKNOWN. */
enum session_trust sessions_find(struct sessions *s, const unsigned char digest[DIGEST_SIZE],
                                 int64_t now_us, int64_t wall, struct session_entry *ret);

/* Taken before a session is checked and given to sessions_add(): a session ended here meanwhile
 * makes the answer too old. */
uint64_t sessions_ticket(struct sessions *s);

/*
 * Remembers a token whose session was checked; seq is the newest revocation that the answer knew
 * of.  An answer older than what events have told is not remembered.
 */
void sessions_add(struct sessions *s, const unsigned char digest[DIGEST_SIZE],
                  const struct session_entry *e, int64_t seq, uint64_t ticket);

/* A session event: newest revocation, and the `count` newest revoked sessions (U64, little endian).
 */
void sessions_event(struct sessions *s, uint64_t newest, uint32_t count, const char *ids,
                    size_t size, int64_t now_us);

/* A key that verified tokens does no more: nothing of what it may have verified stays. */
void sessions_forget(struct sessions *s);

/* A session ended by this gateway's own call: forgotten at once. */
void sessions_ended(struct sessions *s, int64_t session);

struct sessions_stats {
    uint64_t trusted, doubted, unknown, gaps;
};
void sessions_stats(struct sessions *s, struct sessions_stats *ret);
