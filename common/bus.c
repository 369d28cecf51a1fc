/*
 * The daemon's end of the bus: one thread with one DEALER per gateway.  It hands requests to the
 * lanes and sends what comes back.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>

#include "common/bus_gateway.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/events.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/daemon.h"

#define TICK_US       50000  /* look at gateways, tasks and deadlines this often */
#define BATCH_MAX     256    /* messages of one gateway before the others get their turn */
#define OUTBOX_MAX    (8 << 20) /* bytes of events that wait for the thread; more are dropped */

/* An internal call of a worker of this process. */
struct question {
    struct question *next;
    struct envelope request;
    uint64_t id;
    int gateway; /* that it was sent to, -1: not sent */
    int64_t deadline_us;
    struct arena *arena;
    bool done;
    int status;
    const char *body;
    size_t body_size;
};

struct bus {
    struct daemon *daemon;
    void *context;
    int wake_fd, watch_fd;
    pthread_t thread;
    struct gateway_link links[GATEWAYS_MAX];
    int link_count;
    int64_t task_due_us[TASKS_MAX];

    /* shared with the workers */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct job *replies, **replies_last;
    struct text events; /* records for the next round */
    struct question *questions;
    uint64_t question_id;
    atomic_bool goodbye;
    bool stop;
    unsigned events_dropped;
};

static void bus_wake(struct bus *b)
{
    eventfd_write(b->wake_fd, 1);
}

/* ---- from the gateways ---- */

static void request_take(struct bus *b, struct gateway_link *g, struct envelope *e,
                         zmq_msg_t *head, zmq_msg_t *body)
{
    struct job *j = calloc(1, sizeof *j);
    size_t lane;

    if (!j)
        abort();
    zmq_msg_init(&j->head_frame);
    zmq_msg_init(&j->body_frame);
    zmq_msg_move(&j->head_frame, head);
    zmq_msg_move(&j->body_frame, body);
    /* short messages live inside zmq_msg_t, so their strings move with it */
    if (envelope_decode(zmq_msg_data(&j->head_frame), zmq_msg_size(&j->head_frame), e)) {
        job_drop(&j);
        return;
    }
    j->head = *e;
    j->gateway = (int)(g - b->links);
    j->deadline_us = clock_us() + (int64_t)e->deadline_ms * 1000;
    j->op = api_op_named(e->op);
    lane = j->op && b->daemon->service->handlers[j->op->id].mine ? j->op->lane : LANE_FAST;
    atomic_fetch_add(&b->daemon->busy, 1);
    lane_queue_put(&b->daemon->lanes[lane], j);
}

static void cancel_take(struct bus *b, struct gateway_link *g, uint64_t id)
{
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        struct job *j = lane_queue_cancel(&b->daemon->lanes[lane], (int)(g - b->links), id);
        if (!j)
            continue;
        /* the answer gives the credit back */
        j->reply = (struct envelope){.kind = FRAME_REPLY, .id = id, .status = TOO_LATE};
        atomic_fetch_sub(&b->daemon->busy, 1);
        text_reserve(&j->reply_head, 256);
        j->reply_head.size = envelope_encode(&j->reply, j->reply_head.data, 256);
        bus_reply(b, j);
        return;
    }
}

static void answer_take(struct bus *b, const struct envelope *e, zmq_msg_t *body)
{
    pthread_mutex_lock(&b->lock);
    for (struct question *q = b->questions; q; q = q->next) {
        if (q->id != e->id || q->done)
            continue;
        q->done = true;
        q->status = e->status;
        q->body_size = zmq_msg_size(body);
        q->body = arena_strndup(q->arena, zmq_msg_data(body), q->body_size);
        pthread_cond_broadcast(&b->answered);
        break;
    }
    pthread_mutex_unlock(&b->lock);
}

static void events_take(struct bus *b, zmq_msg_t *body)
{
    struct event e;
    size_t at = 0;

    while (event_next(zmq_msg_data(body), zmq_msg_size(body), &at, &e) == 1)
        if (b->daemon->service->event)
            b->daemon->service->event(b->daemon->state, &e);
}

static void pong_take(struct gateway_link *g, const struct envelope *e)
{
    g->pong_us = clock_us();
    if (!e->known || (g->generation && g->generation != e->generation))
        link_forget(g);
    else
        g->generation = e->generation;
}

static void message_take(struct bus *b, struct gateway_link *g, zmq_msg_t *head, zmq_msg_t *body)
{
    struct envelope e;

    if (envelope_decode(zmq_msg_data(head), zmq_msg_size(head), &e)) {
        log_line(LOG_LEVEL_WARN, "event=bad_frame gateway=%s", g->name);
        return;
    }
    switch (e.kind) {
    case FRAME_REQUEST:
        request_take(b, g, &e, head, body);
        break;
    case FRAME_CANCEL:
        cancel_take(b, g, e.id);
        break;
    case FRAME_REPLY:
        answer_take(b, &e, body);
        break;
    case FRAME_EVENT:
        events_take(b, body);
        break;
    case FRAME_PONG:
        pong_take(g, &e);
        break;
    case FRAME_FOLLOW:
        topic_set_add(&g->topics, e.topic, e.text);
        break;
    case FRAME_UNFOLLOW:
        topic_set_remove(&g->topics, e.topic);
        break;
    default:
        log_line(LOG_LEVEL_WARN, "event=unexpected_frame kind=%s", envelope_kind_name(e.kind));
    }
}

static bool link_receive(struct bus *b, struct gateway_link *g)
{
    bool any = false;

    for (int n = 0; n < BATCH_MAX; n++) {
        zmq_msg_t head, body, rest;
        zmq_msg_init(&head);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&head, g->socket, ZMQ_DONTWAIT) < 0)
            return any;
        any = true;
        if (zmq_msg_more(&head))
            zmq_msg_recv(&body, g->socket, 0);
        for (bool more = zmq_msg_more(&body); more; more = zmq_msg_more(&rest), zmq_msg_close(&rest)) {
            zmq_msg_init(&rest);
            zmq_msg_recv(&rest, g->socket, 0);
        }
        message_take(b, g, &head, &body);
        zmq_msg_close(&head);
        zmq_msg_close(&body);
    }
    return any;
}

/* ---- to the gateways ---- */

static void reply_send(struct bus *b, struct job *j)
{
    struct gateway_link *g = &b->links[j->gateway];
    char topic[32];

    /* a successor of the gateway that asked drops it by the generation in the id */
    if (g->socket) {
        if (j->reply.turn_id && j->op && j->op->keep == KEEP_TURN && !j->reply.status) {
            snprintf(topic, sizeof topic, "turn:%" PRIu64, j->reply.turn_id);
            topic_set_add(&g->topics, topic, true);
        }
        link_send(g, j->reply_head.data, j->reply_head.size, &j->reply_body);
    }
    job_drop(&j);
}

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

/* A gateway for an internal call: the next one that is up. */
static int link_next(struct bus *b, uint64_t turn)
{
    for (int i = 0; i < b->link_count; i++) {
        int slot = (int)((turn + (uint64_t)i) % (uint64_t)b->link_count);
        if (b->links[slot].socket && b->links[slot].ready)
            return slot;
    }
    return -1;
}

/* Sends the questions that are new, or whose gateway went away.  Locked. */
static void questions_send(struct bus *b)
{
    for (struct question *q = b->questions; q; q = q->next) {
        char head[ENVELOPE_HEAD_MAX];
        size_t size;
        if (q->done || (q->gateway >= 0 && b->links[q->gateway].ready))
            continue;
        q->gateway = link_next(b, q->id);
        if (q->gateway < 0)
            continue;
        q->request.id = q->id;
        q->request.deadline_ms = (uint32_t)((q->deadline_us - clock_us()) / 1000);
        size = envelope_encode(&q->request, head, sizeof head);
        if (size)
            link_send(&b->links[q->gateway], head, size, NULL);
    }
}

static void outbox_send(struct bus *b)
{
    cleanup(text_drop) struct text events = {0};
    struct job *replies;

    pthread_mutex_lock(&b->lock);
    replies = b->replies;
    b->replies = NULL;
    b->replies_last = &b->replies;
    events = b->events;
    b->events = (struct text){0};
    questions_send(b);
    pthread_mutex_unlock(&b->lock);
    while (replies) {
        struct job *next = replies->next;
        reply_send(b, replies);
        replies = next;
    }
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
        .database = clock_us() - atomic_load(&d->db_seen_us) < 1500000,
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
        if (now < b->task_due_us[i])
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

static void tick(struct bus *b)
{
    int64_t now = clock_us();

    atomic_store(&b->daemon->bus_seen_us, now);
    for (int i = 0; i < b->link_count; i++) {
        struct gateway_link *g = &b->links[i];
        if (!g->socket)
            continue;
        if (g->ready && g->pong_us && now - g->pong_us > SILENCE_US)
            link_forget(g);
        if (!g->ready && !b->goodbye)
            ready_send(b, g);
        else if (now >= g->ping_due_us)
            ping_send(b, g);
    }
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
    b->link_count = links_scan(b->links, b->link_count, b->context,
                               conf_str(b->daemon->conf, SET_BUS_DIR),
                               api_svc_name(b->daemon->service->svc));
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

    for (;;) {
        bool stop;
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
        if (stop)
            return NULL;
    }
}

int bus_start(struct daemon *d, struct bus **ret)
{
    struct bus *b = calloc(1, sizeof *b);
    const char *dir = conf_str(d->conf, SET_BUS_DIR);
    int error;

    if (!b)
        abort();
    b->daemon = d;
    b->replies_last = &b->replies;
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
    if (inotify_add_watch(b->watch_fd, dir, IN_CREATE | IN_DELETE | IN_MOVE | IN_ATTRIB) < 0)
        return FAULT("BUS_DIR %s: %s", dir, strerror(errno));
    b->link_count = links_scan(b->links, 0, b->context, dir, api_svc_name(d->service->svc));
    error = pthread_create(&b->thread, NULL, bus_run, b);
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
    text_drop(&b->events);
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

void bus_publish(struct bus *b, const struct event *e)
{
    bool first;

    pthread_mutex_lock(&b->lock);
    first = b->events.size == 0;
    if (b->events.size < OUTBOX_MAX)
        event_append(&b->events, e);
    else
        b->events_dropped++;
    pthread_mutex_unlock(&b->lock);
    if (first)
        bus_wake(b);
}

static void question_remove(struct bus *b, struct question *gone)
{
    for (struct question **at = &b->questions; *at; at = &(*at)->next) {
        if (*at == gone) {
            *at = gone->next;
            return;
        }
    }
}

int bus_ask(struct bus *b, const struct envelope *request, int64_t deadline_us, struct arena *a,
            const char **ret_body, size_t *ret_size)
{
    struct question q = {.request = *request, .gateway = -1, .deadline_us = deadline_us, .arena = a,
                         .status = TOO_LATE};
    struct timespec until = {.tv_sec = deadline_us / 1000000,
                             .tv_nsec = deadline_us % 1000000 * 1000};

    pthread_mutex_lock(&b->lock);
    q.id = ++b->question_id;
    q.next = b->questions;
    b->questions = &q;
    bus_wake(b);
    while (!q.done && pthread_cond_timedwait(&b->answered, &b->lock, &until) == 0)
        ;
    question_remove(b, &q);
    pthread_mutex_unlock(&b->lock);
    *ret_body = q.body;
    *ret_size = q.body_size;
    return q.status;
}
