/* The upstream thread: one epoll loop around curl's multi interface. */
#include "chatd/upstream/engine.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chatd/upstream/exchange.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/pulse.h"
#include "proto/api.h"

#define EVENTS_MAX 128 /* of one epoll round */
#define ROUND_MAX_US \
    100000 /* of work; what a round takes longer than that and its wait is lateness */

/* A socket whose events curl wants. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *state, void *known)
{
    struct upstream *u = state;
    struct epoll_event e = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(u->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* may be closed already */
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int other = known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    /* The second one is for a number that was closed and given out again without our knowledge. */
    if (epoll_ctl(u->epoll_fd, first, fd, &e) != 0 && epoll_ctl(u->epoll_fd, other, fd, &e) != 0) {
        /* To curl, refusing one socket is to give up all: as without memory, others go on. */
        (void)FAULT("epoll_ctl: %m");
        abort();
    }
    curl_multi_assign(u->multi, fd, u); /* known from now on */
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *state)
{
    struct upstream *u = state;

    (void)multi;
    u->curl_due_us = ms < 0 ? 0 : clock_us() + ms * 1000;
    return 0;
}

int engine_init(struct upstream *u)
{
    struct epoll_event e = {.events = EPOLLIN};

    u->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e.data.fd = u->wake_fd;
    if (u->epoll_fd < 0 || u->wake_fd < 0 ||
        epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, u->wake_fd, &e) != 0)
        return FAULT("epoll: %m");
    u->multi = curl_multi_init();
    if (!u->multi)
        return FAULT("curl_multi_init");
    curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
    curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
    /* Every call may need a connection of its own, and all of them are kept for the next calls;
     * where HTTP/2 is spoken, CURLOPT_PIPEWAIT keeps their number small. */
    curl_multi_setopt(u->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)u->max_calls + NAMELESS_MAX);
    curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, (long)u->max_calls);
    transfer_pool_init(&u->pool, &u->site, u->dialect->path, exchange_read);
    random_bytes(&u->random, sizeof u->random);
    return DONE;
}

void engine_drop(struct upstream *u)
{
    errands_drop(u);
    transfer_pool_drop(&u->pool);
    if (u->multi)
        curl_multi_cleanup(u->multi);
    if (u->epoll_fd >= 0)
        close(u->epoll_fd);
    if (u->wake_fd >= 0)
        close(u->wake_fd);
    due_heap_drop(&u->due);
}

uint32_t engine_random(struct upstream *u)
{
    u->random = u->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(u->random >> 32);
}

static int timeout_ms(const struct upstream *u, int64_t now_us)
{
    const struct due *first = due_first(&u->due);
    int64_t at = u->tick_us > 0 ? u->tick_due_us : INT64_MAX;

    if (first && first->at_us < at)
        at = first->at_us;
    if (u->curl_due_us > 0 && u->curl_due_us < at)
        at = u->curl_due_us;
    if (at == INT64_MAX)
        return -1;
    if (at <= now_us)
        return 0;
    int64_t ms = (at - now_us + 999) / 1000;
    return ms < 60000 ? (int)ms : 60000;
}

static void act(struct upstream *u, int fd, int what)
{
    int running;
    CURLMcode code = curl_multi_socket_action(u->multi, fd, what, &running);

    assert(code == CURLM_OK);
}

static void serve_sockets(struct upstream *u, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t e = events[i].events;
        if (events[i].data.fd == u->wake_fd)
            continue;
        act(u, events[i].data.fd,
            (e & EPOLLIN ? CURL_CSELECT_IN : 0) | (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
    }
}

static void serve_curl_timer(struct upstream *u)
{
    if (u->curl_due_us > 0 && u->curl_due_us <= u->seen_us) {
        u->curl_due_us = 0;
        act(u, CURL_SOCKET_TIMEOUT, 0);
    }
}

/* An exchange that shall be cancelled, or NULL; whether only to leave it. */
static struct exchange *next_cancel(struct upstream *u, bool *ret_leave)
{
    struct exchange *x = NULL;

    pthread_mutex_lock(&u->lock);
    if (u->cancels) {
        for (x = u->open; x && !x->cancel; x = x->next)
            ;
        u->cancels = x != NULL;
    }
    *ret_leave = x && x->leave;
    pthread_mutex_unlock(&u->lock);
    return x;
}

/* What other threads asked for.  False: to stop. */
static bool serve_commands(struct upstream *u)
{
    struct exchange *x, *next;
    uint64_t count;
    bool leave;

    pthread_mutex_lock(&u->lock);
    bool stopping = u->stopping;
    u->touched |= u->poked;
    u->poked = false;
    x = u->incoming;
    u->incoming = NULL;
    u->incoming_last = &u->incoming;
    /* Within the lock: what is written behind it is for the next round, and must stay. */
    if (u->woken && read(u->wake_fd, &count, sizeof count) < 0)
        FAULT("eventfd: %m");
    u->woken = false;
    pthread_mutex_unlock(&u->lock);
    if (stopping)
        return false;
    for (; x; x = next) {
        next = x->chain;
        x->chain = NULL;
        exchange_begin(x);
    }
    while ((x = next_cancel(u, &leave)))
        exchange_stop(x, leave ? UPSTREAM_ABANDONED : UPSTREAM_CANCELLED);
    errands_send(u);
    return true;
}

/* Answers first: their owner need not wait for the connection's end. */
static void serve_ends(struct upstream *u)
{
    struct CURLMsg *m;
    int left;

    while (u->ended) {
        struct exchange *x = u->ended;
        u->ended = x->chain;
        x->chain = NULL;
        exchange_complete(x);
    }
    while ((m = curl_multi_info_read(u->multi, &left))) {
        char *x;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
        if (!x)
            errand_end(u, m->easy_handle);
        else
            exchange_over((struct exchange *)(void *)x, code);
    }
}

static void serve_due(struct upstream *u)
{
    struct due *d;

    while ((d = due_first(&u->due)) && d->at_us <= u->seen_us)
        exchange_due((struct exchange *)(void *)d, u->seen_us);
}

static void serve_hooks(struct upstream *u)
{
    int64_t now;

    if (u->touched && u->hooks->on_round_end)
        u->hooks->on_round_end(u->owner);
    u->touched = false;
    if (u->tick_us == 0 || (now = clock_us()) < u->tick_due_us)
        return;
    u->tick_due_us += u->tick_us;
    if (u->tick_due_us <= now)
        u->tick_due_us = now + u->tick_us;
    if (u->hooks->on_tick)
        u->hooks->on_tick(u->owner);
}

static void stop(struct upstream *u)
{
    struct exchange *x;
    struct due *d;

    while (u->open) {
        x = u->open;
        exchange_stop(x, UPSTREAM_ABANDONED);
    }
    while ((d = due_first(&u->due))) {
        x = (struct exchange *)(void *)d;
        exchange_drop(&x);
    }
    serve_hooks(u);
}

/* A round begins, with waiting at most limit_ms.  The one before should have been over by now. */
static void round_begin(struct upstream *u, int limit_ms, int64_t now_us)
{
    int64_t late = now_us - u->round_us - u->round_limit_ms * INT64_C(1000) - ROUND_MAX_US;

    if (u->round_us && u->round_limit_ms >= 0 && late > 0)
        u->late_us += late;
    u->round_us = now_us;
    u->round_limit_ms = limit_ms;
}

/*
 * A round has read the sockets that were ready.  Were there as many as fit, others may have to wait
 * for the next ones: epoll gives them in turn, so after enough rounds all of the first one's were
 * read.
 */
static void round_seen(struct upstream *u, int count)
{
    if (count < EVENTS_MAX) {
        u->seen_us = u->round_us;
        u->full_rounds = 0;
        return;
    }
    if (u->full_rounds++ == 0)
        u->full_since_us = u->round_us;
    if (u->full_rounds > u->max_calls / EVENTS_MAX + 1) {
        u->seen_us = u->full_since_us;
        u->full_rounds = 0;
    }
}

void *engine_run(void *upstream)
{
    struct upstream *u = upstream;
    struct epoll_event events[EVENTS_MAX];
    bool on = true;

    u->tick_due_us = clock_us() + u->tick_us;
    pulse_begin(PULSE_LOOP, "upstream", 0);
    while (on) {
        int64_t now = clock_us();
        round_begin(u, timeout_ms(u, now), now);
        if (u->tick_us == 0)
            pulse_rest();
        int n = epoll_wait(u->epoll_fd, events, EVENTS_MAX, u->round_limit_ms);
        pulse_beat(NULL);
        if (n < 0 && errno != EINTR)
            FAULT("epoll_wait: %m");
        serve_sockets(u, events, n);
        serve_ends(u);
        round_seen(u, n);
        on = serve_commands(u);
        serve_curl_timer(u);
        serve_ends(u);
        serve_due(u);
        serve_hooks(u);
    }
    stop(u);
    pulse_end();
    return NULL;
}
