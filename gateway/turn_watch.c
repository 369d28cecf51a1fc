/* What the events of one turn have told so far. */
#include "gateway/turn_watch.h"

#include <time.h>

#include "common/clock.h"
#include "common/events.h"

void turn_watch_init(struct turn_watch *w)
{
    pthread_condattr_t monotonic;

    *w = (struct turn_watch){.heard_us = clock_us(), .silence_ms = TURN_SILENCE_MS};
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void turn_watch_drop(struct turn_watch *w)
{
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->news);
    text_drop(&w->ended);
}

void turn_watch_event(void *state, const struct event *e)
{
    struct turn_watch *w = state;

    pthread_mutex_lock(&w->lock);
    if (e->attempt < w->attempt && e->what != EVENT_ENDED) {
        pthread_mutex_unlock(&w->lock);
        return; /* of a process that lost the turn */
    }
    w->heard_us = clock_us();
    if (w->attempt && e->attempt > w->attempt)
        w->moved = true;
    w->attempt = e->attempt;
    if (e->what == EVENT_ENDED && !w->has_ended) {
        text_add(&w->ended, e->data, e->size);
        w->has_ended = true;
    }
    if (w->has_ended || w->moved)
        pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
}

void turn_watch_heard(struct turn_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->heard_us = clock_us();
    pthread_mutex_unlock(&w->lock);
}

void turn_watch_call(struct turn_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->called = true;
    pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
}

/* Under the lock. */
static enum turn_news news_now(struct turn_watch *w, int64_t now)
{
    if (w->has_ended)
        return TURN_ENDED;
    if (w->moved) {
        w->moved = false;
        return TURN_MOVED;
    }
    if (w->called) {
        w->called = false;
        return TURN_CALLED;
    }
    return now - w->heard_us >= w->silence_ms * 1000 ? TURN_SILENT : TURN_NOTHING;
}

enum turn_news turn_watch_wait(struct turn_watch *w, int64_t until_us)
{
    enum turn_news news;
    int64_t now, until;

    pthread_mutex_lock(&w->lock);
    while ((news = news_now(w, now = clock_us())) == TURN_NOTHING && now < until_us) {
        until = w->heard_us + w->silence_ms * 1000;
        until = until < until_us ? until : until_us;
        pthread_cond_timedwait(&w->news, &w->lock,
                               &(struct timespec){until / 1000000, until % 1000000 * 1000});
    }
    pthread_mutex_unlock(&w->lock);
    return news;
}

void turn_watch_asked(struct turn_watch *w)
{
    turn_watch_heard(w);
}
