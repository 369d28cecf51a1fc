/* The turns that run here: slots, the list, and what happens to all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/peers.h"
#include "chatd/turn.h"
#include "common/clock.h"
#include "common/events.h"
#include "common/service.h"
#include "common/spans.h"

#define SURE_MARGIN_US 500000 /* for clocks that run apart */

/* draining is looked at last: either it is seen here, or the drain sees that a slot is taken. */
bool slot_take(struct chatd *d, int64_t *ret_term)
{
    *ret_term = atomic_load(&d->term);
    if (!turns_are_ours(d) || (d->upstream && upstream_pause_us(d->upstream) > 0))
        return false;
    if (atomic_fetch_sub(&d->slots, 1) > 0 && !atomic_load(&d->draining))
        return true;
    atomic_fetch_add(&d->slots, 1);
    return false;
}

void slot_give(struct chatd *d)
{
    atomic_fetch_add(&d->slots, 1);
}

struct turn *turn_new(struct chatd *d, const struct turn_order *o)
{
    struct turn *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    t->chatd = d;
    t->id = o->id;
    t->account = o->account;
    t->fence = o->fence;
    t->attempt = o->attempt;
    t->user_message = o->user_message;
    t->project = o->project;
    t->conversation = o->conversation;
    t->message = o->answer;
    snprintf(t->model, sizeof t->model, "%s", o->model);
    snprintf(t->created, sizeof t->created, "%s", o->created);
    t->input_tokens = t->output_tokens = t->first_us = -1;
    t->begun_us = clock_us();
    trace_read(&t->trace, o->trace);
    if (spans_on() && t->trace.span[0])
        span_id_make(t->span);
    pthread_mutex_lock(&d->lock);
    if (o->term != atomic_load(&d->term))
        atomic_store(&t->lost, true);
    for (size_t i = 0; i < CANCELS_MAX; i++)
        t->cancel |= d->cancels[i] == t->id;
    t->next = d->turns;
    d->turns = t;
    pthread_mutex_unlock(&d->lock);
    return t;
}

void turn_drop(struct turn *t)
{
    struct chatd *d = t->chatd;

    pthread_mutex_lock(&d->lock);
    for (struct turn **at = &d->turns; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            break;
        }
    }
    pthread_mutex_unlock(&d->lock);
    text_drop(&t->answer);
    text_drop(&t->sent_with);
    free(t);
    slot_give(d);
}

void turn_placed(struct chatd *d, int64_t id, int64_t fence, const char *response_id)
{
    pthread_mutex_lock(&d->lock);
    for (struct turn *t = d->turns; t; t = t->next)
        if (t->id == id && t->fence == fence && strcmp(t->response_id, response_id) == 0)
            atomic_store(&t->placed, true);
    pthread_mutex_unlock(&d->lock);
    upstream_poke(d->upstream);
}

bool turn_is_here(struct chatd *d, int64_t id, int64_t fence)
{
    bool found = false;

    pthread_mutex_lock(&d->lock);
    for (struct turn *t = d->turns; t && !found; t = t->next)
        found = t->id == id && t->fence == fence;
    pthread_mutex_unlock(&d->lock);
    return found;
}

int turns_running(struct chatd *d)
{
    int n = 0;

    pthread_mutex_lock(&d->lock);
    for (struct turn *t = d->turns; t; t = t->next)
        n++;
    pthread_mutex_unlock(&d->lock);
    return n;
}

void turns_lose(struct chatd *d)
{
    pthread_mutex_lock(&d->lock);
    atomic_fetch_add(&d->term, 1);
    for (struct turn *t = d->turns; t; t = t->next) {
        atomic_store(&t->lost, true);
        upstream_leave(d->upstream, t->id);
    }
    pthread_mutex_unlock(&d->lock);
}

bool turns_are_ours(const struct chatd *d)
{
    return clock_boot_us() - atomic_load(&d->beat_us) < PEER_SILENT_US - SURE_MARGIN_US;
}

/* Under the lock.  account 0: whoever's turn it is. */
static bool cancel_listed(struct chatd *d, int64_t id, int64_t account)
{
    struct turn *t = d->turns;

    while (t && t->id != id)
        t = t->next;
    if (!t || (account && t->account != account))
        return false;
    t->cancel = true;
    if (t->sent)
        upstream_cancel(d->upstream, id);
    return true;
}

bool turn_cancel_own(struct chatd *d, int64_t id, int64_t account)
{
    bool found;

    pthread_mutex_lock(&d->lock);
    found = cancel_listed(d, id, account);
    pthread_mutex_unlock(&d->lock);
    return found;
}

void turn_cancel_here(struct chatd *d, int64_t id)
{
    pthread_mutex_lock(&d->lock);
    if (!cancel_listed(d, id, 0))
        d->cancels[d->cancel_next++ % CANCELS_MAX] = id; /* it may be on its way here */
    pthread_mutex_unlock(&d->lock);
}

void turn_cancel_everywhere(struct chatd *d, int64_t id)
{
    turn_cancel_here(d, id);
    daemon_publish(
        d->daemon,
        &(struct event){.topic = "cancel", .what = EVENT_CHANGED, .cursor = (uint64_t)id});
}
