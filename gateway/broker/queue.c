/* A bounded queue that serves callers in turn, so that a busy one delays the others by one item. */
#include "gateway/broker/queue.h"

#include <assert.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define BUCKETS 256 /* power of two */

LIST_HEAD(flow_list, queue_flow);
TAILQ_HEAD(item_list, queue_item);

/* The line of one caller; exists while something is in it. */
struct queue_flow {
    uint64_t caller;
    unsigned length;
    uint32_t deficit;
    struct item_list items;
    TAILQ_ENTRY(queue_flow) turn;
    LIST_ENTRY(queue_flow) bucket; /* or in the list of unused ones */
    LIST_ENTRY(queue_flow) peers;  /* flows of the same length */
};

struct queue {
    unsigned limit, length, front_length;
    unsigned longest; /* length of the longest flow */
    struct item_list front;
    TAILQ_HEAD(, queue_flow) turns;
    struct flow_list buckets[BUCKETS];
    struct flow_list unused;
    struct flow_list by_length[]; /* 0..limit */
};

struct queue *queue_new(unsigned limit)
{
    struct queue *q = calloc(1, sizeof *q + (limit + 1) * sizeof *q->by_length);

    if (!q)
        abort();
    q->limit = limit;
    TAILQ_INIT(&q->front);
    TAILQ_INIT(&q->turns);
    return q; /* an empty LIST is all zero */
}

void queue_drop(struct queue **q)
{
    struct queue_flow *f;

    if (!*q)
        return;
    assert(queue_length(*q) == 0);
    while ((f = LIST_FIRST(&(*q)->unused))) {
        LIST_REMOVE(f, bucket);
        free(f);
    }
    free(TAKE(*q));
}

unsigned queue_length(const struct queue *q)
{
    return q->length + q->front_length;
}

bool queue_full(const struct queue *q)
{
    return q->length >= q->limit;
}

static struct flow_list *bucket_of(struct queue *q, uint64_t caller)
{
    return &q->buckets[(caller * UINT64_C(0x9e3779b97f4a7c15)) >> 56 & (BUCKETS - 1)];
}

static struct queue_flow *flow_find(struct queue *q, uint64_t caller)
{
    struct queue_flow *f;

    LIST_FOREACH(f, bucket_of(q, caller), bucket)
    if (f->caller == caller)
        return f;
    return NULL;
}

static struct queue_flow *flow_begin(struct queue *q, uint64_t caller)
{
    struct queue_flow *f = LIST_FIRST(&q->unused);

    if (f)
        LIST_REMOVE(f, bucket);
    else if (!(f = malloc(sizeof *f)))
        abort();
    *f = (struct queue_flow){.caller = caller};
    TAILQ_INIT(&f->items);
    LIST_INSERT_HEAD(bucket_of(q, caller), f, bucket);
    LIST_INSERT_HEAD(&q->by_length[0], f, peers);
    TAILQ_INSERT_TAIL(&q->turns, f, turn);
    return f;
}

/* Keeps by_length and longest true; an empty flow ends. */
static void flow_resize(struct queue *q, struct queue_flow *f, int by)
{
    LIST_REMOVE(f, peers);
    f->length += (unsigned)by;
    q->length += (unsigned)by;
    if (f->length > q->longest)
        q->longest = f->length;
    if (f->length) {
        LIST_INSERT_HEAD(&q->by_length[f->length], f, peers);
    } else {
        TAILQ_REMOVE(&q->turns, f, turn);
        LIST_REMOVE(f, bucket);
        LIST_INSERT_HEAD(&q->unused, f, bucket);
    }
    while (q->longest && LIST_EMPTY(&q->by_length[q->longest]))
        q->longest--;
}

static struct queue_item *longest_cut(struct queue *q, unsigned newcomer)
{
    struct queue_item *item;

    if (q->longest <= newcomer + 1)
        return NULL;
    item = TAILQ_LAST(&LIST_FIRST(&q->by_length[q->longest])->items, item_list);
    queue_remove(q, item);
    return item;
}

bool queue_push(struct queue *q, struct queue_item *item, uint64_t caller, uint32_t cost,
                struct queue_item **ret_out)
{
    struct queue_flow *f = flow_find(q, caller);

    assert(cost > 0);
    *ret_out = NULL;
    if (queue_full(q) && !(*ret_out = longest_cut(q, f ? f->length : 0)))
        return false;
    if (!f)
        f = flow_begin(q, caller);
    item->flow = f;
    item->cost = cost;
    TAILQ_INSERT_TAIL(&f->items, item, next);
    flow_resize(q, f, 1);
    return true;
}

void queue_push_front(struct queue *q, struct queue_item *item)
{
    item->flow = NULL;
    TAILQ_INSERT_HEAD(&q->front, item, next);
    q->front_length++;
}

void queue_remove(struct queue *q, struct queue_item *item)
{
    if (!item->flow) {
        TAILQ_REMOVE(&q->front, item, next);
        q->front_length--;
        return;
    }
    TAILQ_REMOVE(&item->flow->items, item, next);
    flow_resize(q, item->flow, -1);
    item->flow = NULL;
}

struct queue_item *queue_pop(struct queue *q)
{
    struct queue_item *item = TAILQ_FIRST(&q->front);
    struct queue_flow *f;

    if (item) {
        queue_remove(q, item);
        return item;
    }
    while ((f = TAILQ_FIRST(&q->turns))) {
        item = TAILQ_FIRST(&f->items);
        TAILQ_REMOVE(&q->turns, f, turn);
        TAILQ_INSERT_TAIL(&q->turns, f, turn);
        f->deficit++;
        if (f->deficit >= item->cost) {
            f->deficit -= item->cost;
            queue_remove(q, item);
            return item;
        }
    }
    return NULL;
}
