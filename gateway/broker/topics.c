/* Topics: followers in this process and daemons that follow through us. */
#include "gateway/broker/topics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "gateway/broker/state.h"

/* What daemons may follow: who publishes it, and who may ask for it. */
static const struct {
    const char *topic;
    enum svc publisher;
    unsigned allowed; /* bit per service */
} publics[] = {
    {"queue", SVC_CHAT, 1 << SVC_CHAT},
    {"cancel", SVC_CHAT, 1 << SVC_CHAT},
    {"project", SVC_PROJECT, 1 << SVC_CHAT | 1 << SVC_FILE},
};

/* A topic that a daemon follows. */
struct interest {
    struct topic *topic;
    struct worker *worker;
    LIST_ENTRY(interest) of_topic;
    LIST_ENTRY(interest) of_worker;
};

/* Exists while somebody follows it. */
struct topic {
    enum svc svc; /* who publishes it */
    bool text;    /* as the instances were told */
    LIST_HEAD(, follower) followers;
    LIST_HEAD(, interest) interests;
    LIST_ENTRY(topic) bucket;
    char name[];
};

static struct topic_list *bucket_of(struct broker *b, enum svc svc, const char *name)
{
    uint32_t hash = 2166136261U + (uint32_t)svc; /* FNV-1a */

    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    return &b->topics.bucket[hash & (TOPIC_BUCKETS - 1)];
}

static struct topic *topic_find(struct broker *b, enum svc svc, const char *name)
{
    struct topic *t;

    LIST_FOREACH(t, bucket_of(b, svc, name), bucket)
    if (t->svc == svc && strcmp(t->name, name) == 0)
        return t;
    return NULL;
}

static void topic_tell_one(struct broker *b, const struct topic *t, struct worker *w,
                           enum frame_kind kind)
{
    struct envelope e = {.kind = kind, .topic = t->name, .text = t->text};

    if (worker_listens(w))
        worker_send(b, w, &e, NULL);
}

static void topic_tell(struct broker *b, const struct topic *t, enum frame_kind kind,
                       const struct worker *but)
{
    struct service *s = &b->service[t->svc];

    for (unsigned i = 0; i < s->workers; i++)
        if (s->worker[i] != but)
            topic_tell_one(b, t, s->worker[i], kind);
}

static struct topic *topic_begin(struct broker *b, enum svc svc, const char *name)
{
    size_t n = strlen(name) + 1;
    struct topic *t = calloc(1, sizeof *t + n);

    if (!t)
        abort();
    t->svc = svc;
    memcpy(t->name, name, n);
    LIST_INSERT_HEAD(bucket_of(b, svc, name), t, bucket);
    return t;
}

/* After somebody left: ends the topic, or asks for less of it. */
static void topic_review(struct broker *b, struct topic *t)
{
    const struct follower *f;
    bool text = false;

    if (LIST_EMPTY(&t->followers) && LIST_EMPTY(&t->interests)) {
        topic_tell(b, t, FRAME_UNFOLLOW, NULL);
        LIST_REMOVE(t, bucket);
        free(t);
        return;
    }
    LIST_FOREACH(f, &t->followers, of_topic)
    text |= f->text;
    if (text != t->text) {
        t->text = text;
        topic_tell(b, t, FRAME_FOLLOW, NULL);
    }
}

struct follower *follower_new(enum svc svc, const char *topic, bool text, follow_fn *fn,
                              void *state)
{
    size_t n = strlen(topic) + 1;
    struct follower *f = calloc(1, sizeof *f + n);

    assert(n <= UINT8_MAX + 1 && (int)svc < BUS_SERVICES);
    if (!f)
        abort();
    f->svc = svc;
    f->text = text;
    f->fn = fn;
    f->state = state;
    memcpy(f->name, topic, n);
    return f;
}

void follower_begin(struct broker *b, struct follower *f, struct worker *told_by)
{
    struct topic *t = topic_find(b, f->svc, f->name);
    bool new = !t, more = f->text && !(t && t->text);

    if (new)
        t = topic_begin(b, f->svc, f->name);
    f->topic = t;
    t->text |= f->text;
    LIST_INSERT_HEAD(&t->followers, f, of_topic);
    b->topics.followers++;
    if (new || more)
        topic_tell(b, t, FRAME_FOLLOW, told_by);
}

static void follower_free(struct broker *b, struct follower *f)
{
    LIST_REMOVE(f, of_topic);
    b->topics.followers--;
    free(f);
}

void follower_end(struct broker *b, struct follower *f)
{
    struct topic *t = f->topic;

    if (b->topics.delivering == t) {
        f->ended = true; /* by its own callback or a neighbour's; the list is being walked */
        return;
    }
    follower_free(b, f);
    topic_review(b, t);
}

void topics_tell(struct broker *b, struct worker *w)
{
    const struct topic *t;

    for (size_t i = 0; i < TOPIC_BUCKETS; i++)
        LIST_FOREACH(t, &b->topics.bucket[i], bucket)
    if (t->svc == w->service->svc)
        topic_tell_one(b, t, w, FRAME_FOLLOW);
}

/* ---- daemons that follow ---- */

/* Who publishes a topic that w may follow; SVC_COUNT: it may not. */
static enum svc publisher_for(const struct worker *w, const char *topic)
{
    for (size_t i = 0; i < sizeof publics / sizeof *publics; i++)
        if (strcmp(topic, publics[i].topic) == 0 && publics[i].allowed & 1U << w->service->svc)
            return publics[i].publisher;
    return SVC_COUNT;
}

static struct interest *interest_find(struct topic *t, const struct worker *w)
{
    struct interest *n;

    LIST_FOREACH(n, &t->interests, of_topic)
    if (n->worker == w)
        return n;
    return NULL;
}

bool interest_begin(struct broker *b, struct worker *w, const char *topic)
{
    enum svc svc = publisher_for(w, topic);
    struct topic *t = svc == SVC_COUNT ? NULL : topic_find(b, svc, topic);
    struct interest *n;

    if (t && interest_find(t, w))
        return true;
    if (svc == SVC_COUNT || b->topics.interests == INTERESTS_MAX)
        return false;
    n = calloc(1, sizeof *n);
    if (!n)
        abort();
    if (!t)
        topic_tell(b, t = topic_begin(b, svc, topic), FRAME_FOLLOW, NULL);
    n->topic = t;
    n->worker = w;
    LIST_INSERT_HEAD(&t->interests, n, of_topic);
    LIST_INSERT_HEAD(&w->interests, n, of_worker);
    b->topics.interests++;
    return true;
}

static void interest_free(struct broker *b, struct interest *n)
{
    struct topic *t = n->topic;

    LIST_REMOVE(n, of_topic);
    LIST_REMOVE(n, of_worker);
    b->topics.interests--;
    free(n);
    topic_review(b, t);
}

bool interest_end(struct broker *b, struct worker *w, const char *topic)
{
    enum svc svc = publisher_for(w, topic);
    struct topic *t = svc == SVC_COUNT ? NULL : topic_find(b, svc, topic);
    struct interest *n = t ? interest_find(t, w) : NULL;

    if (n)
        interest_free(b, n);
    return svc != SVC_COUNT;
}

void interests_drop(struct broker *b, struct worker *w)
{
    struct interest *n;

    while ((n = LIST_FIRST(&w->interests)))
        interest_free(b, n);
}

/* ---- events ---- */

static void relay_send(struct broker *b, struct worker *w)
{
    struct envelope e = {.kind = FRAME_EVENT, .instance = "", .count = w->relay_count};
    zmq_msg_t payload;

    if (zmq_msg_init_size(&payload, w->relay.size))
        abort();
    memcpy(zmq_msg_data(&payload), w->relay.data, w->relay.size);
    if (!worker_listens(w) || worker_send(b, w, &e, &payload) != BUS_SENT)
        b->stats.events_dropped += w->relay_count;
    zmq_msg_close(&payload);
    text_clear(&w->relay);
    w->relay_count = 0;
}

static void topic_relay(struct broker *b, struct topic *t, const struct worker *from,
                        const char *record, size_t size)
{
    struct interest *n;

    LIST_FOREACH(n, &t->interests, of_topic)
    {
        struct worker *w = n->worker;
        if (w == from || !worker_listens(w))
            continue;
        text_add(&w->relay, record, size);
        w->relay_count++;
        if (w->relay.size > RELAY_MAX)
            relay_send(b, w);
    }
}

void topics_flush(struct broker *b)
{
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        for (unsigned i = 0; i < b->service[svc].workers; i++)
            if (b->service[svc].worker[i]->relay_count)
                relay_send(b, b->service[svc].worker[i]);
}

static void topic_deliver(struct broker *b, struct topic *t, const struct event *e)
{
    struct follower *f, *next;
    bool left = false;

    b->topics.delivering = t;
    LIST_FOREACH(f, &t->followers, of_topic)
    if (!f->ended && (f->text || e->what != EVENT_DELTA))
        f->fn(f->state, e);
    b->topics.delivering = NULL;
    for (f = LIST_FIRST(&t->followers); f; f = next) {
        next = LIST_NEXT(f, of_topic);
        left |= f->ended;
        if (f->ended)
            follower_free(b, f);
    }
    if (left)
        topic_review(b, t);
}

void topics_event(struct broker *b, struct worker *w, const struct event *e, const char *record,
                  size_t size)
{
    struct topic *t = topic_find(b, w->service->svc, e->topic);
    struct envelope unfollow = {.kind = FRAME_UNFOLLOW, .topic = e->topic};

    b->stats.events_in++;
    if (w->service->svc == SVC_AUTH && strcmp(e->topic, "session") == 0) {
        if (b->on_session)
            b->on_session(b->on_session_state, e);
    } else if (t) {
        topic_relay(b, t, w, record, size);
        topic_deliver(b, t, e);
    } else {
        b->stats.events_dropped++;
        if (worker_listens(w)) /* it was told before we were, or missed that all have left */
            worker_send(b, w, &unfollow, NULL);
    }
}

void topics_drop(struct broker *b)
{
    struct topic *t;

    for (size_t i = 0; i < TOPIC_BUCKETS; i++)
        while ((t = LIST_FIRST(&b->topics.bucket[i]))) {
            while (!LIST_EMPTY(&t->followers))
                follower_free(b, LIST_FIRST(&t->followers));
            assert(LIST_EMPTY(&t->interests)); /* the workers are gone */
            LIST_REMOVE(t, bucket);
            free(t);
        }
}
