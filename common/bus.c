/*
 * The daemon's end of the bus: one thread with one DEALER per gateway.  It hands requests to the
 * lanes (bus_intake.c), sends what comes back, and asks other services for the workers
 * (bus_questions.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>

#include "common/bus_state.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/events.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/meters.h"
#include "common/pulse.h"
#include "common/transfer.h"

#define DATABASE_FRESH_US 800000    /* PING says that the database lives so long after an answer */
#define TICK_US           50000     /* look at gateways, tasks and deadlines this often */
#define LOOK_US           1000000   /* look at BUS_DIR; the net under inotify */
#define OUTBOX_MAX        (8 << 20) /* bytes of events that wait for the thread; more are dropped */

void bus_wake(struct bus *b)
{
    eventfd_write(b->wake_fd, 1);
}

/* ---- to the gateways ---- */

/* One EVENT message per gateway with the records that it follows. */
static void events_send(struct bus *b, const struct text *records)
{
    for (int i = 0; i < b->link_count; i++) {
        struct gateway_link *g = &b->links[i];
        cleanup(text_drop) struct text batch = {0};
        struct event e;
        uint32_t count = 0;
        size_t at = 0;

        if (!g->socket || !g->ready)
            continue;
        while (event_next(records->data, records->size, &at, &e) == 1) {
            if (strcmp(e.topic, "session") != 0 &&
                !topic_set_wants(g->topics, e.topic, e.what == EVENT_DELTA))
                continue;
            event_append(&batch, &e);
            count++;
        }
        if (count)
            link_send_events(g, b->daemon->instance, count, &batch);
    }
}

/* False when it could not be sent now.  A successor of the gateway that asked drops it by the
 * generation in the id. */
static bool reply_send(struct bus *b, struct job *j)
{
    struct gateway_link *g = &b->links[j->gateway];
    char topic[32];

    if (j->news.size)
        events_send(b, &j->news);
    text_drop(&j->news);
    if (!g->socket || !j->reply_head.size)
        return true; /* nobody asks any more, or it was sent before its DATA */
    if (!link_send(g, j->reply_head.data, j->reply_head.size, &j->reply_body))
        return false;
    if (j->reply.turn_id && j->op && j->op->keep == KEEP_TURN && !j->reply.status) {
        snprintf(topic, sizeof topic, "turn:%" PRIu64, j->reply.turn_id);
        topic_set_add(&g->topics, topic, j->head.text);
    }
    return true;
}

/* The answer is sent, and the job over. */
static void job_end(struct bus *b, struct job *j)
{
    if (j->transfer)
        transfers_remove(&b->transfers, j->transfer);
    transfer_close(&j->transfer);
    job_drop(&j);
}

/* Nothing but a REPLY gives the gateway its credit back: one that cannot be sent is kept.  There
 * are never more than the credit that gateways were given. */
static void replies_send(struct bus *b)
{
    struct job *j;

    for (struct job **at = &b->unsent; (j = *at);) {
        if (reply_send(b, j)) {
            *at = j->next;
            job_end(b, j);
        } else {
            at = &j->next;
        }
    }
}

static void outbox_send(struct bus *b)
{
    cleanup(text_drop) struct text events = {0};
    struct job **last = &b->unsent;

    while (*last)
        last = &(*last)->next;
    pthread_mutex_lock(&b->lock);
    *last = b->replies;
    b->replies = NULL;
    b->replies_last = &b->replies;
    events = b->events;
    b->events = (struct text){0};
    questions_send(b);
    pthread_mutex_unlock(&b->lock);
    replies_send(b);
    if (events.size)
        events_send(b, &events);
}

/* ---- by the clock ---- */

static void follow_send(struct bus *b, struct gateway_link *g)
{
    const char *const *topic = b->daemon->service->follows;

    for (; topic && *topic; topic++)
        link_send_head(g, &(struct envelope){.kind = FRAME_FOLLOW, .topic = *topic});
}

static void ready_send(struct bus *b, struct gateway_link *g)
{
    const struct service *s = b->daemon->service;
    struct envelope e = {
        .kind = FRAME_READY,
        .service = api_svc_name(s->svc),
        .instance = b->daemon->instance,
        .credit_fast = (uint16_t)daemon_credit(b->daemon, LANE_FAST),
        .credit_slow = (uint16_t)daemon_credit(b->daemon, LANE_SLOW),
        .credit_write = (uint16_t)daemon_credit(b->daemon, LANE_WRITE),
        .credit_hash = (uint16_t)daemon_credit(b->daemon, LANE_HASH),
        .credit_bulk = (uint16_t)daemon_credit(b->daemon, LANE_BULK),
    };

    if (!link_send_head(g, &e))
        return;
    g->ready = true;
    follow_send(b, g);
    g->ping_due_us = 0;
}

static void ping_send(struct bus *b, struct gateway_link *g)
{
    const struct daemon *d = b->daemon;
    struct envelope e = {
        .kind = FRAME_PING,
        .instance = d->instance,
        .database = b->database,
        .note = d->service->note ? d->service->note(d->state) : "",
    };

    g->ping_due_us = clock_us() + PING_US;
    if (!link_send_head(g, &e))
        link_forget(g); /* not connected: introduce ourselves when it is back */
}

static void tasks_start(struct bus *b)
{
    const struct task *t = b->daemon->tasks;
    int64_t now = clock_us();

    for (int i = 0; t && t[i].name && i < TASKS_MAX; i++) {
        struct job *j;
        if (now < b->task_due_us[i] || atomic_exchange(&b->daemon->task_waits[i], true))
            continue;
        b->task_due_us[i] = now + (int64_t)t[i].every_ms * 1000;
        j = calloc(1, sizeof *j);
        if (!j)
            abort();
        zmq_msg_init(&j->head_frame);
        zmq_msg_init(&j->body_frame);
        j->task = &t[i];
        lane_queue_put(&b->daemon->lanes[LANE_WRITE], j);
    }
}

/* What there was no room for; followers ask for it themselves. */
static void dropped_log(struct bus *b)
{
    unsigned n;

    pthread_mutex_lock(&b->lock);
    n = b->events_dropped;
    b->events_dropped = 0;
    pthread_mutex_unlock(&b->lock);
    if (n) {
        meter_add(b->daemon->meters, RM_events_dropped_total, NULL, n);
        log_line(LOG_LEVEL_NOTICE, "event=events_dropped count=%u", n);
    }
}

/* Connects to gateways that came, leaves those that went.  BUS_DIR may not be there yet, or be
 * another directory by now: it is watched anew each time. */
static void gateways_look(struct bus *b)
{
    const struct daemon *d = b->daemon;
    const char *dir = conf_str(d->conf, SET_BUS_DIR),
               *remotes = conf_str(d->conf, SET_BUS_GATEWAYS);
    const struct links_config links = {.context = b->context,
                                       .svc = d->service->svc,
                                       .bus_dir = dir,
                                       .remotes = remotes,
                                       .key = d->has_bus_key ? &d->bus_key : NULL};
    bool missing =
        inotify_add_watch(b->watch_fd, dir, IN_CREATE | IN_DELETE | IN_MOVE | IN_ATTRIB) < 0;

    if (missing && !b->dir_missing && !*remotes)
        log_line(LOG_LEVEL_WARN, "event=bus_dir dir=%s error=%s", dir, strerror(errno));
    b->dir_missing = missing;
    b->look_due_us = clock_us() + LOOK_US;
    b->link_count = links_scan(b->links, b->link_count, &links);
}

/* Whether that changed, which gateways are told at once. */
static bool database_look(struct bus *b, int64_t now)
{
    bool was = b->database;

    b->database = now - atomic_load(&b->daemon->db_seen_us) < DATABASE_FRESH_US;
    return b->database != was;
}

static void tick(struct bus *b)
{
    int64_t now = clock_us();
    bool changed = database_look(b, now);

    if (now >= b->look_due_us) {
        gateways_look(b);
        dropped_log(b);
    }
    for (int i = 0; i < b->link_count; i++) {
        struct gateway_link *g = &b->links[i];
        if (!g->socket)
            continue;
        if (g->ready && g->pong_us && now - g->pong_us > SILENCE_US)
            link_forget(g);
        if (!g->ready && !b->goodbye)
            ready_send(b, g);
        if (now >= g->ping_due_us || changed)
            ping_send(b, g);
    }
    bulk_check(b);
    if (!b->goodbye)
        tasks_start(b);
}

/* ---- the thread ---- */

static void goodbye_send(struct bus *b)
{
    for (int i = 0; i < b->link_count; i++)
        if (b->links[i].socket)
            link_send_head(&b->links[i], &(struct envelope){.kind = FRAME_GOODBYE,
                                                            .instance = b->daemon->instance});
}

static void watch_read(struct bus *b)
{
    char buf[4096];

    while (read(b->watch_fd, buf, sizeof buf) > 0)
        ;
    gateways_look(b);
}

static void poll_wait(struct bus *b, int64_t due_us)
{
    zmq_pollitem_t items[GATEWAYS_MAX + 2] = {{.fd = b->wake_fd, .events = ZMQ_POLLIN},
                                              {.fd = b->watch_fd, .events = ZMQ_POLLIN}};
    int n = 2;
    int64_t left_ms = (due_us - clock_us() + 999) / 1000;
    eventfd_t ignored;

    for (int i = 0; i < b->link_count; i++)
        if (b->links[i].socket)
            items[n++] = (zmq_pollitem_t){.socket = b->links[i].socket, .events = ZMQ_POLLIN};
    zmq_poll(items, n, left_ms < 0 ? 0 : left_ms);
    if (items[0].revents)
        eventfd_read(b->wake_fd, &ignored);
    if (items[1].revents)
        watch_read(b);
}

static void *bus_run(void *state)
{
    struct bus *b = state;
    int64_t due_us = 0;
    bool said_goodbye = false;

    pulse_begin(PULSE_LOOP, "bus", 0);
    for (;;) {
        bool stop;
        pulse_beat(NULL);
        poll_wait(b, due_us);
        for (int i = 0; i < b->link_count; i++)
            if (b->links[i].socket)
                link_receive(b, &b->links[i]);
        if (clock_us() >= due_us) {
            tick(b);
            due_us = clock_us() + TICK_US;
        }
        pthread_mutex_lock(&b->lock);
        stop = b->stop;
        pthread_mutex_unlock(&b->lock);
        if (b->goodbye && !said_goodbye) {
            said_goodbye = true;
            goodbye_send(b);
        }
        outbox_send(b);
        if (bulk_send(b))
            bus_wake(b); /* the rest behind what came meanwhile */
        if (stop)
            break;
    }
    pulse_end();
    return NULL;
}

void bus_open(struct daemon *d, struct bus **ret)
{
    struct bus *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    b->daemon = d;
    b->replies_last = &b->replies;
    b->bulk_last = &b->bulk;
    b->context = zmq_ctx_new();
    b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    pthread_mutex_init(&b->lock, NULL);
    {
        pthread_condattr_t attr;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&b->answered, &attr);
        pthread_condattr_destroy(&attr);
    }
    *ret = b;
}

int bus_start(struct bus *b)
{
    int error = pthread_create(&b->thread, NULL, bus_run, b);

    return error ? FAULT("thread: %s", strerror(error)) : DONE;
}

void bus_goodbye(struct bus *b)
{
    b->goodbye = true;
    bus_wake(b);
}

void bus_drop(struct bus **bus)
{
    struct bus *b = *bus;

    if (!b)
        return;
    if (b->thread) {
        pthread_mutex_lock(&b->lock);
        b->stop = true;
        pthread_mutex_unlock(&b->lock);
        bus_wake(b);
        pthread_join(b->thread, NULL);
    }
    links_drop(b->links, b->link_count);
    zmq_ctx_term(b->context);
    close(b->wake_fd);
    close(b->watch_fd);
    while (b->unsent) {
        struct job *j = b->unsent;
        b->unsent = j->next;
        job_end(b, j);
    }
    text_drop(&b->events);
    bulk_drop(b);
    free(b);
    *bus = NULL;
}

/* ---- from the workers ---- */

void bus_reply(struct bus *b, struct job *j)
{
    j->next = NULL;
    pthread_mutex_lock(&b->lock);
    *b->replies_last = j;
    b->replies_last = &j->next;
    pthread_mutex_unlock(&b->lock);
    bus_wake(b);
}

void bus_publish_all(struct bus *b, const struct text *records)
{
    bool first;

    pthread_mutex_lock(&b->lock);
    first = b->events.size == 0;
    if (b->events.size < OUTBOX_MAX)
        text_add(&b->events, records->data, records->size);
    else
        b->events_dropped++;
    pthread_mutex_unlock(&b->lock);
    if (first)
        bus_wake(b);
}

void bus_publish(struct bus *b, const struct event *e)
{
    cleanup(text_drop) struct text record = {0};

    event_append(&record, e);
    bus_publish_all(b, &record);
}
