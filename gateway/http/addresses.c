/* What each network address occupies. */
#include "gateway/http/addresses.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

#define BUCKETS 1024

struct addresses {
    pthread_mutex_t lock;
    unsigned each;
    uint64_t salt, refused;
    LIST_HEAD(, address_place) buckets[BUCKETS];
};

struct addresses *addresses_new(unsigned each)
{
    struct addresses *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    pthread_mutex_init(&a->lock, NULL);
    random_bytes(&a->salt, sizeof a->salt);
    a->each = each;
    return a;
}

void addresses_drop(struct addresses **a)
{
    free(*a);
    *a = NULL;
}

/* FNV-1a from a start that nobody outside knows. */
static size_t bucket_of(const struct addresses *a, const char *group)
{
    uint64_t h = a->salt;

    for (const char *c = group; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return (h ^ h >> 32) % BUCKETS;
}

bool addresses_enter(struct addresses *a, struct address_place *place, const char *group)
{
    size_t bucket = bucket_of(a, group);
    const struct address_place *other;
    unsigned taken = 0;
    bool good;

    assert(!place->group[0] && group[0] && strlen(group) < sizeof place->group);
    if (!a->each)
        return true;
    pthread_mutex_lock(&a->lock);
    LIST_FOREACH(other, &a->buckets[bucket], same)
    taken += strcmp(other->group, group) == 0;
    good = taken < a->each;
    if (good) {
        snprintf(place->group, sizeof place->group, "%s", group);
        LIST_INSERT_HEAD(&a->buckets[bucket], place, same);
    }
    a->refused += !good;
    pthread_mutex_unlock(&a->lock);
    return good;
}

void addresses_leave(struct addresses *a, struct address_place *place)
{
    if (!place->group[0])
        return;
    pthread_mutex_lock(&a->lock);
    LIST_REMOVE(place, same);
    pthread_mutex_unlock(&a->lock);
    place->group[0] = '\0';
}

uint64_t addresses_refused(struct addresses *a)
{
    pthread_mutex_lock(&a->lock);
    uint64_t n = a->refused;
    pthread_mutex_unlock(&a->lock);
    return n;
}
