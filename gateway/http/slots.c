/* Who holds a thread, and until when; the watchdog that sees to it. */
#include "gateway/http/slots.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pulse.h"
#include "gateway/http/listener.h"
#include "proto/api.h"

#define TICK_MS     100
#define IDLE_MIN_MS 50 /* a kept-alive connection younger than this is not cut */
#define SPARE_FDS   8
#define VICTIMS_MAX 64 /* cut per tick */

struct victim {
    struct slot *slot;
    struct sockaddr_in peer;
    uint64_t serial;
    int how; /* of shutdown(2) */
};

struct slots {
    struct slot *all;
    unsigned max;
    int fd_limit;
    atomic_uint used, busy;
    atomic_ullong serial, cut;
    atomic_bool draining, stop;
    struct listener *listener;
    pthread_t watchdog;
    bool watching;
};

struct slots *slots_new(unsigned max, int fd_limit)
{
    struct slots *s = calloc(1, sizeof *s);

    if (!s || !(s->all = calloc(max, sizeof *s->all)))
        abort();
    for (unsigned i = 0; i < max; i++)
        pthread_mutex_init(&s->all[i].lock, NULL);
    s->max = max;
    s->fd_limit = fd_limit;
    return s;
}

struct slot *slot_new(struct slots *s)
{
    unsigned i = atomic_fetch_add(&s->used, 1);

    return i < s->max ? &s->all[i] : NULL;
}

static void state_set(struct slot *slot, enum slot_state state, int64_t max_ms)
{
    slot->state = state;
    slot->cut_here = false;
    slot->since_us = clock_us();
    slot->deadline_us = max_ms ? slot->since_us + max_ms * 1000 : 0;
}

void slot_open(struct slots *s, struct slot *slot)
{
    atomic_fetch_add(&s->busy, 1);
    pthread_mutex_lock(&slot->lock);
    assert(slot->state == SLOT_FREE);
    slot->peer = (struct sockaddr_in){0};
    slot->requests = 0;
    slot->serial = atomic_fetch_add(&s->serial, 1) + 1;
    slot->cut = false;
    state_set(slot, SLOT_HEAD, HEAD_MAX_MS);
    pthread_mutex_unlock(&slot->lock);
}

bool slot_peer(struct slot *slot, const char *address, int port)
{
    /* only this thread writes it */
    if (slot->peer.sin_port)
        return false;
    pthread_mutex_lock(&slot->lock);
    slot->peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &slot->peer.sin_addr);
    pthread_mutex_unlock(&slot->lock);
    return true;
}

/* civetweb calls this before it closes the descriptor: while a slot is open, so is its socket. */
void slot_close(struct slots *s, struct slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    state_set(slot, SLOT_FREE, 0);
    pthread_mutex_unlock(&slot->lock);
    atomic_fetch_sub(&s->busy, 1);
}

void slot_set(struct slot *slot, enum slot_state state, int64_t max_ms)
{
    pthread_mutex_lock(&slot->lock);
    if (state == SLOT_HEAD)
        slot->requests++;
    state_set(slot, state, max_ms);
    pthread_mutex_unlock(&slot->lock);
}

bool slot_was_cut(struct slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    bool cut = slot->cut;
    pthread_mutex_unlock(&slot->lock);
    return cut;
}

/* civetweb's own clock for this may end a moment before ours. */
bool slot_head_is_late(struct slot *slot)
{
    int64_t age_ms;
    bool late;

    pthread_mutex_lock(&slot->lock);
    age_ms = (clock_us() - slot->since_us) / 1000;
    late = slot->cut || (slot->state == SLOT_HEAD &&
                         age_ms + TICK_MS >= (slot->requests ? HEAD_KEPT_MS : HEAD_MAX_MS));
    pthread_mutex_unlock(&slot->lock);
    return late;
}

unsigned slots_busy(const struct slots *s)
{
    return atomic_load_explicit(&s->busy, memory_order_relaxed);
}

bool slots_pressed(const struct slots *s)
{
    return slots_busy(s) * 4 > s->max * 3;
}

void slots_drain(struct slots *s)
{
    atomic_store(&s->draining, true);
}

uint64_t slots_cut_count(const struct slots *s)
{
    return atomic_load(&s->cut);
}

/* Whether the connection has waited long enough to be cut.  Under the slot's lock. */
static bool is_overdue(const struct slots *s, const struct slot *slot, int64_t now)
{
    int64_t age_ms = (now - slot->since_us) / 1000;
    bool draining = atomic_load(&s->draining);

    if (slot->state == SLOT_FREE || slot->cut_here)
        return false;
    if (slot->deadline_us && now > slot->deadline_us)
        return true;
    if (slot->state == SLOT_BODY)
        return age_ms >= BODY_PRESSED_MS && slots_pressed(s);
    if (slot->state != SLOT_HEAD || (!draining && !slots_pressed(s)))
        return false;
    return age_ms >= (slot->requests ? IDLE_MIN_MS : draining ? 1000 : HEAD_PRESSED_MS);
}

static unsigned victims_find(struct slots *s, struct victim *ret)
{
    unsigned n = 0, used = atomic_load(&s->used);
    int64_t now = clock_us();

    if (used > s->max)
        used = s->max;
    for (unsigned i = 0; i < used && n < VICTIMS_MAX; i++) {
        struct slot *slot = &s->all[i];
        pthread_mutex_lock(&slot->lock);
        if (is_overdue(s, slot, now))
            ret[n++] = (struct victim){slot, slot->peer, slot->serial,
                                       slot->state == SLOT_SEND ? SHUT_RDWR : SHUT_RD};
        pthread_mutex_unlock(&slot->lock);
    }
    return n;
}

/* The lock keeps the descriptor from being closed, and so from being another one's. */
static void victim_cut(struct slots *s, struct victim *v, int fd)
{
    pthread_mutex_lock(&v->slot->lock);
    if (v->slot->serial == v->serial && v->slot->state != SLOT_FREE) {
        v->slot->cut = v->slot->cut_here = true;
        shutdown(fd, v->how);
        atomic_fetch_add(&s->cut, 1);
    }
    pthread_mutex_unlock(&v->slot->lock);
}

/* Whose connection a descriptor is; false when it is none. */
static bool peer_of(int fd, struct sockaddr_in *ret)
{
    socklen_t size = sizeof *ret;

    return getpeername(fd, (struct sockaddr *)ret, &size) == 0 && ret->sin_family == AF_INET;
}

static bool is_same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static void victims_cut(struct slots *s, struct victim *victims, unsigned n)
{
    struct sockaddr_in peer = {0};

    for (int fd = 0; fd < s->fd_limit; fd++)
        for (unsigned i = 0; i < n && (i > 0 || peer_of(fd, &peer)); i++)
            if (is_same(&peer, &victims[i].peer))
                victim_cut(s, &victims[i], fd);
}

int slot_fd(const struct slots *s, const struct slot *slot)
{
    struct sockaddr_in peer = {0};

    for (int fd = 0; fd < s->fd_limit; fd++)
        if (peer_of(fd, &peer) && is_same(&peer, &slot->peer))
            return fd;
    return -1;
}

void slot_stop_reading(const struct slots *s, const struct slot *slot)
{
    int fd = slot_fd(s, slot);

    if (fd >= 0)
        shutdown(fd, SHUT_RD);
}

bool slot_has_unread(const struct slots *s, const struct slot *slot)
{
    int fd = slot_fd(s, slot), unread = 0;

    return fd >= 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* Without descriptors accept() fails at once, again and again: stop asking until there are some. */
static void descriptors_watch(struct slots *s)
{
    bool enough = descriptors_left(SPARE_FDS);

    if (atomic_load(&s->draining) || enough != s->listener->paused)
        return;
    log_line(LOG_LEVEL_WARN, "descriptors=%s accepting=%s", enough ? "back" : "exhausted",
             enough ? "yes" : "no");
    if (enough)
        listener_resume(s->listener);
    else
        listener_pause(s->listener);
}

static void *watchdog_run(void *state)
{
    struct slots *s = state;
    struct victim victims[VICTIMS_MAX];
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};

    pulse_begin(PULSE_LOOP, "connections", 0);
    while (!atomic_load(&s->stop)) {
        unsigned n = victims_find(s, victims);
        if (n)
            victims_cut(s, victims, n);
        descriptors_watch(s);
        pulse_beat(NULL);
        nanosleep(&tick, NULL);
    }
    pulse_end();
    return NULL;
}

int slots_watch(struct slots *s, struct listener *listener)
{
    s->listener = listener;
    if (pthread_create(&s->watchdog, NULL, watchdog_run, s) != 0)
        return FAULT("no thread for the watchdog");
    s->watching = true;
    return DONE;
}

void slots_stop(struct slots *s)
{
    atomic_store(&s->stop, true);
    if (s->watching)
        pthread_join(s->watchdog, NULL);
    s->watching = false;
}

void slots_drop(struct slots **s)
{
    if (!*s)
        return;
    slots_stop(*s);
    free((*s)->all);
    free(*s);
    *s = NULL;
}
