/* All streams of this gateway. */
#include "gateway/stream/streams.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "gateway/stream/publisher.h"

struct streams {
    struct publisher *publisher[PUBLISHERS];
    atomic_uint next;
    unsigned max;

    pthread_mutex_t lock;
    LIST_HEAD(, reader) list;
    struct streams_stats stats;
};

int streams_new(unsigned max, struct streams **ret)
{
    struct streams *all = calloc(1, sizeof *all);
    int r = DONE;

    if (!all)
        abort();
    *ret = all;
    all->max = max;
    pthread_mutex_init(&all->lock, NULL);
    for (int i = 0; !r && i < PUBLISHERS; i++)
        r = publisher_new(&all->publisher[i]);
    return r;
}

void streams_drop(struct streams **all)
{
    if (!*all)
        return;
    for (int i = 0; i < PUBLISHERS; i++)
        publisher_drop(&(*all)->publisher[i]);
    free(TAKE(*all));
}

static int refused(struct streams *all, struct exchange *x, int status, const char *why)
{
    all->stats.refused++;
    x->problem.retry_after = 5;
    return problem(x, status, NULL, why);
}

/* Under the lock. */
static unsigned of_turn(const struct streams *all, int64_t turn)
{
    const struct reader *s;
    unsigned n = 0;

    LIST_FOREACH(s, &all->list, registered)
    n += turn && s->turn == turn;
    return n;
}

static unsigned of_caller(const struct streams *all, int64_t caller)
{
    const struct reader *s;
    unsigned n = 0;

    LIST_FOREACH(s, &all->list, registered)
    n += s->caller == caller;
    return n;
}

int streams_enter(struct streams *all, struct exchange *x, struct reader *s)
{
    bool limited = x->gateway->rates != NULL;
    int r = DONE;

    pthread_mutex_lock(&all->lock);
    if (all->stats.open >= all->max)
        r = refused(all, x, BUSY, "as many streams are open as this gateway takes: try again");
    else if (limited && of_caller(all, s->caller) >= STREAMS_PER_CALLER)
        r = refused(all, x, RATE_LIMITED, "you have 16 streams open: close one");
    else if (of_turn(all, s->turn) >= STREAMS_PER_TURN)
        r = refused(all, x, RATE_LIMITED, "the turn has 32 readers: close one");
    if (r == DONE) {
        LIST_INSERT_HEAD(&all->list, s, registered);
        all->stats.open++;
        all->stats.begun++;
    }
    pthread_mutex_unlock(&all->lock);
    return r;
}

int streams_turn(struct streams *all, struct exchange *x, struct reader *s, int64_t turn)
{
    int r = DONE;

    pthread_mutex_lock(&all->lock);
    if (of_turn(all, turn) >= STREAMS_PER_TURN)
        r = refused(all, x, RATE_LIMITED, "the turn has 32 readers: close one");
    else
        s->turn = turn;
    pthread_mutex_unlock(&all->lock);
    return r;
}

void streams_leave(struct streams *all, struct reader *s)
{
    pthread_mutex_lock(&all->lock);
    LIST_REMOVE(s, registered);
    all->stats.open--;
    all->stats.slow += s->end == READER_SLOW;
    all->stats.revoked += s->end == READER_REVOKED;
    pthread_mutex_unlock(&all->lock);
}

void streams_publish(struct streams *all, struct reader *s)
{
    publisher_add(all->publisher[atomic_fetch_add(&all->next, 1) % PUBLISHERS], s);
}

void streams_stop(struct streams *all)
{
    for (int i = 0; i < PUBLISHERS; i++)
        publisher_stop(all->publisher[i]);
}

static void doubt(struct reader *s, enum reader_doubt what)
{
    pthread_mutex_lock(&s->lock);
    s->doubts |= what;
    pthread_mutex_unlock(&s->lock);
    turn_watch_call(&s->watch);
}

void streams_session_ended(struct streams *all, int64_t session)
{
    struct reader *s;

    pthread_mutex_lock(&all->lock);
    LIST_FOREACH(s, &all->list, registered)
    {
        if (!session)
            doubt(s, DOUBT_SESSION);
        else if (s->session == session)
            reader_end(s, READER_REVOKED);
    }
    pthread_mutex_unlock(&all->lock);
}

void streams_keys_changed(struct streams *all)
{
    struct reader *s;

    pthread_mutex_lock(&all->lock);
    LIST_FOREACH(s, &all->list, registered)
    doubt(s, DOUBT_KEY);
    pthread_mutex_unlock(&all->lock);
}

void streams_count(struct streams *all, enum streams_count what)
{
    pthread_mutex_lock(&all->lock);
    all->stats.resumes += what == STREAMS_RESUMED;
    all->stats.asks += what == STREAMS_ASKED;
    pthread_mutex_unlock(&all->lock);
}

void streams_stats(struct streams *all, struct streams_stats *ret)
{
    uint64_t bytes, events;

    pthread_mutex_lock(&all->lock);
    *ret = all->stats;
    ret->max = all->max;
    pthread_mutex_unlock(&all->lock);
    for (int i = 0; i < PUBLISHERS; i++) {
        publisher_counts(all->publisher[i], &bytes, &events);
        ret->bytes += bytes;
        ret->events += events;
    }
}
