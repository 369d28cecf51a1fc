/* The broker's beginning and end: sockets, tables, thread. */
#include "gateway/broker/broker.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "common/bus_remote.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/fault.h"
#include "gateway/broker/loop.h"
#include "gateway/broker/queue.h"
#include "gateway/broker/state.h"

static int directory_make(const char *path)
{
    if (mkdir(path, 0755) == 0) /* the umask must not keep the daemons out */
        return chmod(path, 0755) ? FAULT("chmod %s: %s", path, strerror(errno)) : DONE;
    return errno == EEXIST ? DONE : FAULT("mkdir %s: %s", path, strerror(errno));
}

static int epoll_watch(struct broker *b, int fd, void *what)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = what};

    if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e))
        return FAULT("epoll_ctl: %s", strerror(errno));
    return DONE;
}

static int service_open(struct broker *b, struct service *s)
{
    char path[PATH_MAX];
    int r;

    snprintf(path, sizeof path, "%s/%s/%s", b->config.bus_dir, b->config.name,
             api_svc_name(s->svc));
    r = bus_socket_open(&s->socket, b->context, path, b->config.peer_gid[s->svc]);
    if (!r && b->config.listen)
        r = bus_socket_listen(&s->socket, b->config.listen, bus_port_of(b->config.port, s->svc),
                              s->svc, &b->config.key);
    return r ? r : epoll_watch(b, s->socket.fd, s);
}

static int services_open(struct broker *b)
{
    char path[PATH_MAX];
    int r;

    snprintf(path, sizeof path, "%s/%s", b->config.bus_dir, b->config.name);
    if ((r = directory_make(b->config.bus_dir)) || (r = directory_make(path)))
        return r;
    for (int svc = 0; svc < BUS_SERVICES; svc++)
        if ((r = service_open(b, &b->service[svc])))
            return r;
    return DONE;
}

static struct broker *broker_new(const struct broker_config *config)
{
    struct broker *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    b->config = *config;
    b->config.grace_ms = config->grace_ms ? config->grace_ms : BROKER_GRACE_MS;
    b->inbox.fd = b->epoll = -1;
    b->now_us = b->tick_us = clock_us();
    b->bury_us = INT64_MAX;
    keyring_init(&b->keys);
    if (config->keys) {
        const char *why;
        bool good = keyring_read(&b->keys, config->keys, &why);
        assert(good);
    }
    pending_init(&b->pending);
    transfers_init(&b->transfers);
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        b->service[svc].svc = (enum svc)svc;
        b->service[svc].down_us = b->now_us;
        for (int lane = 0; lane < LANE_COUNT; lane++)
            b->service[svc].queue[lane] = requests_queue_new((enum lane)lane);
    }
    return b;
}

int broker_start(const struct broker_config *config, struct broker **ret)
{
    cleanup(broker_drop) struct broker *b = broker_new(config);
    int r = inbox_open(&b->inbox);

    if (r)
        return r;
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (b->epoll < 0)
        return FAULT("epoll_create1: %s", strerror(errno));
    b->context = zmq_ctx_new();
    if (!b->context)
        return FAULT("zmq_ctx_new: %s", zmq_strerror(errno));
    if (b->config.listen && (r = gatekeeper_start(b->context, &b->keys, &b->gatekeeper)))
        return r;
    if ((r = services_open(b)) || (r = epoll_watch(b, b->inbox.fd, &b->inbox)))
        return r;
    if ((r = loop_start(b)))
        return r;
    *ret = TAKE(b);
    return DONE;
}

void broker_drop(struct broker **ret)
{
    struct broker *b = *ret;

    if (!b)
        return;
    loop_end(b);
    workers_drop(b);
    topics_drop(b);
    for (int svc = 0; svc < BUS_SERVICES; svc++) {
        bus_socket_close(&b->service[svc].socket);
        for (int lane = 0; lane < LANE_COUNT; lane++)
            queue_drop(&b->service[svc].queue[lane]);
    }
    if (b->gatekeeper)
        zmq_ctx_shutdown(b->context);
    gatekeeper_drop(&b->gatekeeper);
    if (b->context)
        zmq_ctx_term(b->context);
    secret_wipe(&b->config.key, sizeof b->config.key);
    pthread_mutex_destroy(&b->keys.lock);
    pending_drop(&b->pending);
    timers_drop(&b->timers);
    inbox_close(&b->inbox);
    fd_drop(&b->epoll);
    free(TAKE(*ret));
}
