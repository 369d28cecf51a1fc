/* Token buckets in a bounded table. */
#include "gateway/rate.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

#define SHARDS 16
#define SETS   256 /* per shard */
#define WAYS   8

struct bucket {
    uint64_t key;
    int64_t at_us; /* when tokens was right; 0: unused */
    double tokens, full;
    enum rate class;
};

struct shard {
    pthread_mutex_t lock;
    struct bucket buckets[SETS][WAYS];
};

struct rate_table {
    double capacity[RATE_COUNT]; /* tokens, also those that come back in a minute */
    unsigned gateways;
    struct shard shards[SHARDS];
};

static uint64_t salt;

__attribute__((constructor)) static void salt_make(void)
{
    random_bytes(&salt, sizeof salt);
}

/* splitmix64's finisher: every bit of x moves about half of the result's */
static uint64_t mix(uint64_t x)
{
    x ^= salt;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t rate_key_of(const char *address)
{
    uint64_t h = salt;

    for (const char *c = address; *c; c++)
        h = mix(h + (unsigned char)*c);
    return h;
}

/* This gateway's part of a rate. */
static double share(const struct rate_table *t, int64_t per_minute)
{
    double mine = (double)per_minute / t->gateways;

    return mine > 0 && mine < 1 ? 1 : mine;
}

struct rate_table *rate_new(unsigned gateways)
{
    struct rate_table *t = calloc(1, sizeof *t);

    assert(gateways > 0);
    if (!t)
        abort();
    t->gateways = gateways;
    for (int i = 0; i < RATE_COUNT; i++)
        t->capacity[i] = share(t, api_rate_per_minute((enum rate)i));
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&t->shards[i].lock, NULL);
    return t;
}

void rate_drop(struct rate_table **t)
{
    free(*t);
    *t = NULL;
}

static double tokens_now(const struct bucket *b, int64_t now_us)
{
    double tokens = b->tokens + (double)(now_us - b->at_us) * b->full / 60e6;

    return tokens > b->full ? b->full : tokens;
}

/* The bucket of that key, or the one whose loss costs the least. */
static struct bucket *bucket_find(struct bucket *set, enum rate class, uint64_t key, double full,
                                  int64_t now_us)
{
    struct bucket *victim = set;
    double missing, least = 2;

    for (struct bucket *b = set; b < set + WAYS; b++) {
        if (b->at_us && b->key == key && b->class == class)
            return b;
        missing = b->at_us ? 1 - tokens_now(b, now_us) / b->full : -1;
        if (missing < least) {
            victim = b;
            least = missing;
        }
    }
    *victim = (struct bucket){key, now_us, full, full, class};
    return victim;
}

static struct rate_answer take(struct rate_table *t, enum rate class, uint64_t key, double full,
                               int64_t now_us)
{
    struct rate_answer a = {.allowed = true};
    uint64_t h = mix(key * RATE_COUNT + class);
    struct shard *shard = &t->shards[h % SHARDS];
    struct bucket *b;

    if (full <= 0)
        return a;
    pthread_mutex_lock(&shard->lock);
    b = bucket_find(shard->buckets[h / SHARDS % SETS], class, key, full, now_us);
    b->full = full;
    b->tokens = tokens_now(b, now_us);
    b->at_us = now_us;
    a.allowed = b->tokens >= 1;
    if (a.allowed)
        b->tokens -= 1;
    a.limit = (unsigned)full;
    a.remaining = (unsigned)b->tokens;
    a.reset = (unsigned)((full - b->tokens) * 60 / full + 0.999);
    a.retry = a.allowed ? 0 : (unsigned)((1 - b->tokens) * 60 / full + 0.999);
    pthread_mutex_unlock(&shard->lock);
    return a;
}

struct rate_answer rate_take(struct rate_table *t, enum rate class, uint64_t key, int64_t now_us)
{
    return take(t, class, key, t->capacity[class], now_us);
}

struct rate_answer rate_take_own(struct rate_table *t, enum rate class, uint64_t key,
                                 int64_t per_minute, int64_t now_us)
{
    return take(t, class, key, per_minute ? share(t, per_minute) : t->capacity[class], now_us);
}
