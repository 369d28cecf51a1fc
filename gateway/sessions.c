/* Tokens that this gateway has checked, and for how long it may trust them. */
#include "gateway/sessions.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8

struct slot {
    unsigned char digest[DIGEST_SIZE];
    struct session_entry entry; /* session 0: unused */
    uint64_t epoch;             /* in which it was checked last */
    int64_t used_us;
};

struct sessions {
    pthread_mutex_t lock;
    struct slot *slots;
    size_t capacity;
    uint64_t epoch;   /* moves on when nothing remembered may be trusted any more */
    uint64_t newest;  /* revocation that events have told of */
    uint64_t ended;   /* sessions ended here, for the tickets */
    int64_t event_us; /* last event, 0: none yet */
    struct sessions_stats stats;
};

struct sessions *sessions_new(size_t capacity)
{
    struct sessions *s = calloc(1, sizeof *s);

    assert(capacity >= 64 && (capacity & (capacity - 1)) == 0);
    if (!s || !(s->slots = calloc(capacity, sizeof *s->slots)))
        abort();
    s->capacity = capacity;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void sessions_drop(struct sessions **s)
{
    if (!*s)
        return;
    free((*s)->slots);
    free(*s);
    *s = NULL;
}

static struct slot *set_of(const struct sessions *s, const unsigned char *digest)
{
    size_t h;

    memcpy(&h, digest, sizeof h);
    return &s->slots[h % (s->capacity / WAYS) * WAYS];
}

static struct slot *slot_find(const struct sessions *s, const unsigned char *digest)
{
    struct slot *set = set_of(s, digest);

    for (struct slot *slot = set; slot < set + WAYS; slot++)
        if (slot->entry.session && memcmp(slot->digest, digest, DIGEST_SIZE) == 0)
            return slot;
    return NULL;
}

/* Events have stopped: whatever they would have told, we do not know. */
static bool is_silent(const struct sessions *s, int64_t now_us)
{
    return s->event_us == 0 || now_us - s->event_us > SESSIONS_SILENCE_MS * 1000;
}

enum session_trust sessions_find(struct sessions *s, const unsigned char digest[DIGEST_SIZE],
                                 int64_t now_us, int64_t wall, struct session_entry *ret)
{
    enum session_trust trust = SESSION_UNKNOWN;
    struct slot *slot;

    pthread_mutex_lock(&s->lock);
    slot = slot_find(s, digest);
    if (slot && slot->entry.expires <= wall)
        slot->entry.session = 0;
    if (slot && slot->entry.session) {
        *ret = slot->entry;
        slot->used_us = now_us;
        trust =
            slot->epoch == s->epoch && !is_silent(s, now_us) ? SESSION_TRUSTED : SESSION_DOUBTED;
    }
    s->stats.trusted += trust == SESSION_TRUSTED;
    s->stats.doubted += trust == SESSION_DOUBTED;
    s->stats.unknown += trust == SESSION_UNKNOWN;
    pthread_mutex_unlock(&s->lock);
    return trust;
}

uint64_t sessions_ticket(struct sessions *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t ticket = s->ended;
    pthread_mutex_unlock(&s->lock);
    return ticket;
}

/* Its own slot, an unused one, or the one that was not used for longest. */
static struct slot *slot_for(const struct sessions *s, const unsigned char *digest)
{
    struct slot *set = set_of(s, digest), *best = slot_find(s, digest);

    if (best)
        return best;
    best = set;
    for (struct slot *slot = set; slot < set + WAYS && best->entry.session; slot++)
        if (!slot->entry.session || slot->used_us < best->used_us)
            best = slot;
    return best;
}

void sessions_add(struct sessions *s, const unsigned char digest[DIGEST_SIZE],
                  const struct session_entry *e, int64_t seq, uint64_t ticket)
{
    pthread_mutex_lock(&s->lock);
    if (seq >= 0 && (uint64_t)seq >= s->newest && ticket == s->ended) {
        struct slot *slot = slot_for(s, digest);
        memcpy(slot->digest, digest, DIGEST_SIZE);
        slot->entry = *e;
        slot->epoch = s->epoch;
        slot->used_us = s->event_us;
    }
    pthread_mutex_unlock(&s->lock);
}

static void session_forget(struct sessions *s, int64_t session)
{
    for (size_t i = 0; i < s->capacity; i++)
        if (s->slots[i].entry.session == session)
            s->slots[i].entry.session = 0;
}

static int64_t id_at(const char *p)
{
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return (int64_t)v;
}

void sessions_event(struct sessions *s, uint64_t newest, uint32_t count, const char *ids,
                    size_t size, int64_t now_us)
{
    pthread_mutex_lock(&s->lock);
    /* A number that went back is another database, or an authd that looked earlier than its twin.
     */
    if (newest < s->newest || newest - s->newest > count || is_silent(s, now_us)) {
        s->epoch++;
        s->stats.gaps++;
    }
    /* The ids that are not news were forgotten when they were. */
    for (uint64_t i =
             newest > s->newest && newest - s->newest < count ? count - (newest - s->newest) : 0;
         newest != s->newest && i < count && (i + 1) * 8 <= size; i++)
        session_forget(s, id_at(ids + i * 8));
    s->newest = newest;
    s->event_us = now_us;
    pthread_mutex_unlock(&s->lock);
}

void sessions_ended(struct sessions *s, int64_t session)
{
    pthread_mutex_lock(&s->lock);
    s->ended++;
    session_forget(s, session);
    pthread_mutex_unlock(&s->lock);
}

void sessions_forget(struct sessions *s)
{
    pthread_mutex_lock(&s->lock);
    s->ended++;
    for (size_t i = 0; i < s->capacity; i++)
        s->slots[i].entry.session = 0;
    pthread_mutex_unlock(&s->lock);
}

void sessions_stats(struct sessions *s, struct sessions_stats *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    pthread_mutex_unlock(&s->lock);
}
