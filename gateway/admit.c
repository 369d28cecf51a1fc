/* Admission: how many requests of which kind may hold a thread at once. */
#include "gateway/admit.h"

static unsigned share(unsigned threads, unsigned divisor, unsigned least, unsigned most)
{
    unsigned n = threads / divisor;

    return n < least ? least : n > most ? most : n;
}

unsigned admit_requests_max(unsigned threads)
{
    return threads - share(threads, 16, 2, 32);
}

unsigned admit_chats_max(unsigned threads)
{
    return threads - share(threads, 4, 4, 64);
}

static bool place_take(atomic_uint *taken, unsigned max)
{
    if (atomic_fetch_add(taken, 1) < max)
        return true;
    atomic_fetch_sub(taken, 1);
    return false;
}

int admit_step(struct exchange *x)
{
    struct gateway *g = x->gateway;

    if (x->op->lane == LANE_LOCAL)
        return DONE;
    if (!place_take(&g->requests, admit_requests_max(g->threads)))
        return BUSY;
    x->admitted = true;
    if (x->op->keep != KEEP_TURN)
        return DONE;
    if (!place_take(&g->chats, admit_chats_max(g->threads)))
        return BUSY;
    x->is_chat = true;
    return DONE;
}

void admit_end(struct exchange *x)
{
    if (x->is_chat)
        atomic_fetch_sub(&x->gateway->chats, 1);
    if (x->admitted)
        atomic_fetch_sub(&x->gateway->requests, 1);
    x->admitted = x->is_chat = false;
}
