/* The provider's calls as other threads see them: begin, cancel, start and stop. */
#include "chatd/upstream/upstream.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chatd/upstream/engine.h"
#include "chatd/upstream/exchange.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/text.h"

static void curl_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

/* The thread takes no signals: they belong to the main thread. */
static int thread_start(struct upstream *u)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&u->thread, NULL, engine_run, u);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? FAULT("pthread_create: %s", strerror(error)) : DONE;
}

static void upstream_free(struct upstream **up)
{
    struct upstream *u = TAKE(*up);

    if (!u)
        return;
    engine_drop(u);
    transfer_site_drop(&u->site);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

int upstream_start(const struct upstream_config *c, struct upstream **ret, const char **reterr_why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    cleanup(upstream_free) struct upstream *u = calloc(1, sizeof *u);
    int r;

    assert(c->dialect && c->hooks && c->hooks->on_end && c->max_calls > 0 && c->tries > 0);
    *ret = NULL;
    *reterr_why = "";
    if (!u)
        abort();
    pthread_once(&once, curl_start);
    pthread_mutex_init(&u->lock, NULL);
    u->epoll_fd = u->wake_fd = -1;
    u->dialect = c->dialect;
    u->hooks = c->hooks;
    u->owner = c->owner;
    u->max_calls = c->max_calls;
    u->tries = c->tries;
    u->tick_us = (int64_t)c->tick_ms * 1000;
    u->incoming_last = &u->incoming;
    r = transfer_site_init(&u->site, c, reterr_why);
    if (r == DONE)
        r = engine_init(u);
    if (r == DONE)
        r = thread_start(u);
    if (r == DONE)
        *ret = TAKE(u);
    return r;
}

void upstream_drop(struct upstream **up)
{
    struct upstream *u = *up;

    if (!u)
        return;
    assert(!pthread_equal(u->thread, pthread_self()));
    pthread_mutex_lock(&u->lock);
    u->stopping = true;
    engine_wake(u);
    pthread_mutex_unlock(&u->lock);
    pthread_join(u->thread, NULL);
    upstream_free(up);
}

void engine_wake(struct upstream *u)
{
    uint64_t one = 1;

    if (u->woken)
        return;
    u->woken = true;
    if (write(u->wake_fd, &one, sizeof one) < 0)
        FAULT("eventfd: %m");
}

int upstream_begin(struct upstream *u, struct upstream_call *call)
{
    int r = BUSY;

    assert(!call->body->size == (call->response_id != NULL));
    pthread_mutex_lock(&u->lock);
    if (u->running < u->max_calls && !u->stopping) {
        struct exchange *x = exchange_new(u, call);
        x->next = u->open;
        if (u->open)
            u->open->prev = x;
        u->open = x;
        u->running++;
        *u->incoming_last = x;
        u->incoming_last = &x->chain;
        engine_wake(u);
        r = DONE;
    }
    pthread_mutex_unlock(&u->lock);
    return r;
}

static void stop_asked(struct upstream *u, int64_t id, bool leave)
{
    pthread_mutex_lock(&u->lock);
    for (struct exchange *x = u->open; x; x = x->next) {
        if (x->id != id)
            continue;
        x->cancel = u->cancels = true;
        x->leave |= leave;
        engine_wake(u);
        break;
    }
    pthread_mutex_unlock(&u->lock);
}

void upstream_cancel(struct upstream *u, int64_t id)
{
    stop_asked(u, id, false);
}

void upstream_leave(struct upstream *u, int64_t id)
{
    stop_asked(u, id, true);
}

void upstream_poke(struct upstream *u)
{
    pthread_mutex_lock(&u->lock);
    u->poked = true;
    engine_wake(u);
    pthread_mutex_unlock(&u->lock);
}

void engine_forget(struct upstream *u, struct exchange *x)
{
    pthread_mutex_lock(&u->lock);
    if (x->prev)
        x->prev->next = x->next;
    else
        u->open = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->next = x->prev = NULL;
    u->running--;
    pthread_mutex_unlock(&u->lock);
}

int64_t upstream_pause_us(struct upstream *u)
{
    int64_t left = atomic_load(&u->pause_until_us) - clock_us();

    return left > 0 ? left : 0;
}

int upstream_running(struct upstream *u)
{
    pthread_mutex_lock(&u->lock);
    int n = u->running;
    pthread_mutex_unlock(&u->lock);
    return n;
}
