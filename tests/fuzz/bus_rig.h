#pragma once
/*
 * A broker without its thread, its sockets and anybody who waits: what fuzz_bus.c stands on.
 * Messages come from `inbound`, what is sent ends as `sends` says and is looked at here.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "common/text.h"
#include "gateway/broker/intake.h"
#include "gateway/broker/state.h"
#include "tests/fuzz/fuzz.h"

#define ROUTES   4
#define SENT_MAX 64

/* What came in but was not read yet. */
struct message {
    uint32_t route;
    char head[1024];
    size_t size;
    struct text payload;
    bool stranger;
};

static struct broker *broker;
static struct message inbound;
static struct service *inbound_for;
static enum bus_sent sends[ROUTES]; /* how sending to that route ends */
static struct sent {
    uint64_t id;
    uint32_t route;
    enum svc svc;
    uint32_t came;   /* DATA that its worker sent in order */
    uint32_t window; /* that its worker gave */
    uint32_t data;   /* DATA that it was sent */
} sent[SENT_MAX];    /* newest REQUESTs */
static unsigned sent_count;

static struct sent *sent_find(uint64_t id)
{
    for (int i = 0; i < SENT_MAX; i++)
        if (id && sent[i].id == id)
            return &sent[i];
    return NULL;
}

/* ---- nobody waits: the one thread does what the broker's would have done ---- */

static void commands_run(void)
{
    struct command *c, *next;

    for (c = inbox_take(&broker->inbox); c; c = next) {
        next = c->next;
        c->run(broker, c);
    }
}

int sem_wait(sem_t *s)
{
    commands_run();
    must(sem_trywait(s) == 0);
    return 0;
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    (void)c, (void)m, (void)until;
    return ETIMEDOUT;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    (void)c, (void)m;
    must(false); /* only called when there is nothing to wait for */
    return 0;
}

/* ---- gateway/broker/bus_socket.h without sockets ---- */

int bus_socket_open(struct bus_socket *s, void *context, const char *path, gid_t group)
{
    (void)s, (void)context, (void)path, (void)group;
    return DONE;
}

void bus_socket_close(struct bus_socket *s)
{
    (void)s;
}

bool bus_socket_readable(struct bus_socket *s)
{
    (void)s;
    return false;
}

enum bus_got bus_socket_receive(struct bus_socket *s, struct bus_message *ret)
{
    if (!inbound_for || s != &inbound_for->socket)
        return BUS_NOTHING;
    inbound_for = NULL;
    ret->route = inbound.route;
    zmq_msg_init_size(&ret->head, inbound.size);
    memcpy(zmq_msg_data(&ret->head), inbound.head, inbound.size);
    zmq_msg_init_size(&ret->payload, inbound.payload.size);
    if (inbound.payload.size)
        memcpy(zmq_msg_data(&ret->payload), inbound.payload.data, inbound.payload.size);
    if (envelope_decode(zmq_msg_data(&ret->head), zmq_msg_size(&ret->head), &ret->e) == 0)
        return BUS_MESSAGE;
    bus_message_drop(ret);
    return BUS_VOID;
}

void bus_message_drop(struct bus_message *m)
{
    zmq_msg_close(&m->head);
    zmq_msg_close(&m->payload);
}

bool bus_message_peer(struct bus_message *m, struct bus_peer *ret)
{
    (void)m;
    *ret = (struct bus_peer){.uid = inbound.stranger};
    return true;
}

int bus_socket_listen(struct bus_socket *s, const char *address, int port, enum svc svc,
                      const struct curve_key *secret)
{
    (void)s, (void)address, (void)port, (void)svc, (void)secret;
    return DONE;
}

/* DATA goes out in order, and only what the worker wants. */
static void data_sent(const struct envelope *e)
{
    struct sent *s = sent_find(e->id);

    if (!s)
        return;
    must(e->n == ++s->data && e->n <= s->window && e->last <= DATA_BROKEN);
}

static void request_sent(const struct service *service, uint32_t route, uint64_t id)
{
    sent[sent_count++ % SENT_MAX] = (struct sent){.id = id, .route = route, .svc = service->svc};
}

enum bus_sent bus_socket_send(struct bus_socket *s, uint32_t route, const struct envelope *e,
                              zmq_msg_t *payload)
{
    struct service *service = (struct service *)((char *)s - offsetof(struct service, socket));
    char head[ENVELOPE_HEAD_MAX];
    enum bus_sent r = envelope_encode(e, head, sizeof head) ? sends[route % ROUTES] : BUS_TOO_BIG;

    if (e->kind == FRAME_DATA)
        data_sent(e);
    if (e->kind == FRAME_REQUEST && r == BUS_SENT)
        request_sent(service, route, e->id);
    if (payload)
        zmq_msg_close(payload);
    return r;
}
