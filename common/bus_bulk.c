/* DATA and WINDOW on their way to the gateways: behind everything else, a little in each round. */
#include <stdlib.h>

#include "common/bus_state.h"
#include "common/transfer.h"

#define ROUND_MAX 4 /* messages: what comes next waits for no more than 256 KiB */

struct bulk {
    struct bulk *next;
    int gateway;
    unsigned epoch;
    struct envelope e;
    struct text body;
};

static void bulk_put(struct bus *b, struct bulk *m)
{
    m->next = NULL;
    pthread_mutex_lock(&b->lock);
    *b->bulk_last = m;
    b->bulk_last = &m->next;
    pthread_mutex_unlock(&b->lock);
}

void bus_send_bulk(struct bus *b, int gateway, unsigned epoch, const struct envelope *e,
                   struct text *body)
{
    struct bulk *new = calloc(1, sizeof *new);

    if (!new)
        abort();
    new->gateway = gateway;
    new->epoch = epoch;
    new->e = *e;
    new->body = *body;
    *body = (struct text){0};
    bulk_put(b, new);
    bus_wake(b);
}

static struct bulk *bulk_take(struct bus *b)
{
    struct bulk *first;

    pthread_mutex_lock(&b->lock);
    first = b->bulk;
    if (first) {
        b->bulk = first->next;
        if (!b->bulk)
            b->bulk_last = &b->bulk;
    }
    pthread_mutex_unlock(&b->lock);
    return first;
}

/* The REPLY that a download begins with may be among those that the link did not take. */
static bool reply_waits(const struct bus *b, int gateway)
{
    const struct job *j = b->unsent;

    while (j && j->gateway != gateway)
        j = j->next;
    return j;
}

static bool one_send(struct bus *b, struct bulk *m)
{
    struct gateway_link *g = &b->links[m->gateway];
    char head[64];
    size_t size = envelope_encode(&m->e, head, sizeof head);

    return g->socket && g->epoch == m->epoch && !reply_waits(b, m->gateway) &&
           link_send(g, head, size, &m->body);
}

/* Nothing but the last DATA of a download gives the gateway its credit back: it is kept until the
 * link takes it, or is another one. */
static bool must_arrive(const struct bus *b, const struct bulk *m)
{
    const struct gateway_link *g = &b->links[m->gateway];

    return m->e.last && g->socket && g->epoch == m->epoch;
}

bool bulk_send(struct bus *b)
{
    for (int i = 0; i < ROUND_MAX; i++) {
        struct bulk *m = bulk_take(b);
        bool sent = m && one_send(b, m);
        struct transfer *t;
        if (!m)
            return false;
        if (!sent && (t = transfers_find(b->transfers, m->gateway, m->e.id)))
            transfer_break(t);
        if (!sent && must_arrive(b, m)) {
            bulk_put(b, m);
            return false; /* in a later round */
        }
        text_drop(&m->body);
        free(m);
    }
    return true;
}

static bool is_alive(void *state, int gateway, unsigned epoch)
{
    const struct bus *b = state;

    return b->links[gateway].epoch == epoch && !atomic_load(&b->daemon->draining);
}

void bulk_check(struct bus *b)
{
    transfers_check(b->transfers, is_alive, b);
}

void bulk_drop(struct bus *b)
{
    struct bulk *m;

    while ((m = bulk_take(b))) {
        text_drop(&m->body);
        free(m);
    }
}
