/* Admission: how many requests of which kind may hold a thread at once. */
#include "gateway/admit.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/priority.h"

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

    if (x->op->lane == LANE_LOCAL && x->op->stream == STREAM_NONE)
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

struct admit_transfers {
    pthread_mutex_t lock;
    unsigned max;
    int64_t callers[ADMIT_TRANSFERS_MAX]; /* one entry per transfer, 0: free */
};

struct admit_transfers *admit_transfers_new(unsigned threads)
{
    struct admit_transfers *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    pthread_mutex_init(&t->lock, NULL);
    t->max = share(threads, 2, 1, ADMIT_TRANSFERS_MAX);
    return t;
}

void admit_transfers_drop(struct admit_transfers **t)
{
    free(*t);
    *t = NULL;
}

static int transfer_take(struct admit_transfers *t, int64_t caller, bool limited)
{
    unsigned own = 0, place = t->max;
    int r;

    assert(caller > 0);
    pthread_mutex_lock(&t->lock);
    for (unsigned i = t->max; i-- > 0;) {
        own += t->callers[i] == caller;
        place = t->callers[i] ? place : i;
    }
    r = limited && own >= ADMIT_TRANSFERS_CALLER ? RATE_LIMITED : place == t->max ? BUSY : DONE;
    if (r == DONE)
        t->callers[place] = caller;
    pthread_mutex_unlock(&t->lock);
    return r;
}

static void transfer_return(struct admit_transfers *t, int64_t caller)
{
    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < t->max; i++) {
        if (t->callers[i] == caller) {
            t->callers[i] = 0;
            break;
        }
    }
    pthread_mutex_unlock(&t->lock);
}

int admit_transfer_step(struct exchange *x)
{
    int r;

    if (x->op->stream != STREAM_UPLOAD && x->op->stream != STREAM_DOWNLOAD)
        return DONE;
    r = transfer_take(x->gateway->transfers, x->caller, x->gateway->rates != NULL);
    x->is_transfer = r == DONE;
    if (x->is_transfer)
        priority_yield_thread(true);
    return r == RATE_LIMITED
               ? problem(x, r, NULL, "too many uploads and downloads at once: wait for one to end")
               : r;
}

void admit_chat_end(struct exchange *x)
{
    if (x->is_chat)
        atomic_fetch_sub(&x->gateway->chats, 1);
    x->is_chat = false;
}

void admit_end(struct exchange *x)
{
    if (x->is_transfer) {
        transfer_return(x->gateway->transfers, x->caller);
        priority_yield_thread(false);
    }
    x->is_transfer = false;
    admit_chat_end(x);
    if (x->admitted)
        atomic_fetch_sub(&x->gateway->requests, 1);
    x->admitted = false;
}
