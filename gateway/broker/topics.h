#pragma once
/*
 * Who follows what: followers in this process, daemons that follow through us, and which topics
 * the publishing service's instances are told of.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "gateway/broker/broker.h"
#include "gateway/broker/inbox.h"

#define TOPIC_BUCKETS 1024  /* power of two */
#define INTERESTS_MAX 65536 /* topics that daemons follow through us, in all */
#define RELAY_MAX     65536 /* bytes of records collected for a daemon before they are sent */

struct event;
struct service;
struct topic;
struct worker;

struct follower {
    struct command command; /* its beginning */
    enum svc svc;
    bool text;
    follow_fn *fn;
    void *state;
    struct topic *topic;
    bool ended; /* to be freed after the delivery that is going on */
    LIST_ENTRY(follower) of_topic;
    char name[]; /* of the topic */
};

struct topics {
    LIST_HEAD(topic_list, topic) bucket[TOPIC_BUCKETS];
    struct topic *delivering; /* its followers are being called */
    unsigned followers, interests;
};

/* A follower of a topic, not yet in the tables. */
struct follower *follower_new(enum svc svc, const char *topic, bool text, follow_fn *fn,
                              void *state);
/* Puts it in; told_by: an instance that follows the topic for us by itself, or NULL. */
void follower_begin(struct broker *b, struct follower *f, struct worker *told_by);
/* Takes it out and frees it. */
void follower_end(struct broker *b, struct follower *f);

/* Tells a worker the whole set of its service. */
void topics_tell(struct broker *b, struct worker *w);

/* A daemon begins or ends to follow a topic.  False: it may not, or too many. */
bool interest_begin(struct broker *b, struct worker *w, const char *topic);
bool interest_end(struct broker *b, struct worker *w, const char *topic);
/* w is gone. */
void interests_drop(struct broker *b, struct worker *w);

/* Delivers one record that came from w; record, size: its bytes on the wire. */
void topics_event(struct broker *b, struct worker *w, const struct event *e, const char *record,
                  size_t size);
/* Sends what was collected for daemons. */
void topics_flush(struct broker *b);
/* Frees all followers. */
void topics_drop(struct broker *b);
