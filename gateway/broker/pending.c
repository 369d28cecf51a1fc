/* The table of requests in flight. */
#include "gateway/broker/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "gateway/broker/requests.h"
#include "gateway/broker/worker_set.h"

static struct flight_list *bucket_of(struct pending *p, uint64_t id)
{
    return &p->bucket[id & (PENDING_BUCKETS - 1)];
}

void pending_init(struct pending *p)
{
    *p = (struct pending){0};
    while (!p->generation)
        if (getrandom(&p->generation, sizeof p->generation, 0) < 0)
            abort();
}

void pending_drop(struct pending *p)
{
    struct flight *f;

    for (size_t i = 0; i < PENDING_BUCKETS; i++)
        assert(LIST_EMPTY(&p->bucket[i]));
    while ((f = LIST_FIRST(&p->unused))) {
        LIST_REMOVE(f, bucket);
        free(f);
    }
}

uint64_t pending_id(struct pending *p)
{
    uint64_t id;

    do
        id = (uint64_t)p->generation << 32 | p->counter++;
    while (flight_find(p, id));
    return id;
}

void flight_begin(struct pending *p, uint64_t id, struct request *r, struct worker *w,
                  enum lane lane)
{
    struct flight *f = LIST_FIRST(&p->unused);

    if (f)
        LIST_REMOVE(f, bucket);
    else if (!(f = malloc(sizeof *f)))
        abort();
    *f = (struct flight){.id = id, .worker = w, .request = r, .lane = lane};
    LIST_INSERT_HEAD(bucket_of(p, id), f, bucket);
    LIST_INSERT_HEAD(&w->flights, f, of_worker);
    LIST_INSERT_HEAD(&r->flights, f, of_request);
    w->in_flight[lane]++;
}

struct flight *flight_find(struct pending *p, uint64_t id)
{
    struct flight *f;

    LIST_FOREACH(f, bucket_of(p, id), bucket)
    if (f->id == id)
        return f;
    return NULL;
}

void flight_orphan(struct flight *f)
{
    LIST_REMOVE(f, of_request);
    f->request = NULL;
}

void flight_lose(struct flight *f)
{
    assert(!f->lost && f->worker->in_flight[f->lane] > 0);
    f->lost = true;
    f->worker->in_flight[f->lane]--;
    LIST_REMOVE(f, of_worker);
    LIST_INSERT_HEAD(&f->worker->lost, f, of_worker);
}

void flight_end(struct pending *p, struct flight *f)
{
    if (!f->lost) {
        assert(f->worker->in_flight[f->lane] > 0);
        f->worker->in_flight[f->lane]--;
    }
    if (f->request)
        LIST_REMOVE(f, of_request);
    LIST_REMOVE(f, of_worker);
    LIST_REMOVE(f, bucket);
    LIST_INSERT_HEAD(&p->unused, f, bucket);
}
