/* Token buckets in a bounded table. */
#include "gateway/rate.h"

#include <arpa/inet.h>
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
    double tokens;
    enum rate class;
};

struct shard {
    pthread_mutex_t lock;
    struct bucket buckets[SETS][WAYS];
};

struct rate_table {
    double capacity[RATE_COUNT]; /* tokens, also those that come back in a minute */
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
    unsigned char network[16];
    bool is_six = inet_pton(AF_INET6, address, network) == 1;
    const unsigned char *at = is_six ? network : (const unsigned char *)address;
    uint64_t h = salt;

    for (size_t n = is_six ? 8 : strlen(address); n > 0; n--)
        h = mix(h + *at++);
    return h;
}

struct rate_table *rate_new(unsigned gateways)
{
    struct rate_table *t = calloc(1, sizeof *t);

    assert(gateways > 0);
    if (!t)
        abort();
    for (int i = 0; i < RATE_COUNT; i++) {
        double mine = (double)api_rate_per_minute((enum rate)i) / gateways;
        t->capacity[i] = mine > 0 && mine < 1 ? 1 : mine;
    }
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&t->shards[i].lock, NULL);
    return t;
}

void rate_drop(struct rate_table **t)
{
    free(*t);
    *t = NULL;
}

static double tokens_now(const struct rate_table *t, const struct bucket *b, int64_t now_us)
{
    double full = t->capacity[b->class];
    double tokens = b->tokens + (double)(now_us - b->at_us) * full / 60e6;

    return b->at_us == 0 || tokens > full ? full : tokens;
}

/* The bucket of that key, or the one whose loss costs the least. */
static struct bucket *bucket_find(const struct rate_table *t, struct bucket *set, enum rate class,
                                  uint64_t key, int64_t now_us)
{
    struct bucket *victim = set;
    double missing, least = 2;

    for (struct bucket *b = set; b < set + WAYS; b++) {
        if (b->at_us && b->key == key && b->class == class)
            return b;
        missing = b->at_us ? 1 - tokens_now(t, b, now_us) / t->capacity[b->class] : -1;
        if (missing < least) {
            victim = b;
            least = missing;
        }
    }
    *victim = (struct bucket){key, now_us, t->capacity[class], class};
    return victim;
}

struct rate_answer rate_take(struct rate_table *t, enum rate class, uint64_t key, int64_t now_us)
{
    const double full = t->capacity[class];
    struct rate_answer a = {.allowed = true};
    uint64_t h = mix(key * RATE_COUNT + class);
    struct shard *shard = &t->shards[h % SHARDS];
    struct bucket *b;

    if (full <= 0)
        return a;
    pthread_mutex_lock(&shard->lock);
    b = bucket_find(t, shard->buckets[h / SHARDS % SETS], class, key, now_us);
    b->tokens = tokens_now(t, b, now_us);
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
