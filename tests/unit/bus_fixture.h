#pragma once
/* A daemon's end of the bus in a directory of its own, and gateways made of a raw ROUTER. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/daemon.h"
#include "common/log.h"
#include "tests/unit/check_main.h"

#define WAIT_MS  3000 /* for what must come */
#define QUIET_MS 150  /* for what must not */

static const struct handler handlers[OP_COUNT];
static const struct service service = {
    .name = "chatd",
    .svc = SVC_CHAT,
    .handlers = handlers,
    .workers = {[LANE_FAST] = 1, [LANE_WRITE] = 2},
};
static struct daemon d;
static char dir[32], bus_dir[64];
static void *context;

/* A gateway: its socket, and the route of whoever spoke last. */
struct gateway {
    void *socket;
    char path[112];
    zmq_msg_t route;
};

static inline void begin(void)
{
    char *argv[] = {"chatd", "--set", NULL, NULL};
    static char set[80];

    log_limit(LOG_LEVEL_ERR);
    snprintf(dir, sizeof dir, "/tmp/bus-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(bus_dir, sizeof bus_dir, "%s/bus", dir);
    snprintf(set, sizeof set, "BUS_DIR=%s", bus_dir);
    argv[2] = set;
    d = (struct daemon){.service = &service, .instance = "0123456789abcdef"};
    ck_assert_int_eq(conf_load(SVC_CHAT, "chatd", 3, argv, &d.conf), 0);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        lane_queue_init(&d.lanes[lane]);
    context = zmq_ctx_new();
    bus_open(&d, &d.bus);
}

static inline void end(void)
{
    struct job *j;

    bus_drop(&d.bus);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        while ((j = lane_queue_poll(&d.lanes[lane])))
            job_drop(&j);
    conf_drop(&d.conf);
    zmq_ctx_term(context);
    rmdir(bus_dir);
    ck_assert_int_eq(rmdir(dir), 0);
}

static inline void bind_to(struct gateway *g)
{
    char endpoint[160];
    int linger = 0;

    g->socket = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(g->socket, ZMQ_LINGER, &linger, sizeof linger);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/bus", g->path);
    ck_assert_int_eq(zmq_bind(g->socket, endpoint), 0);
}

static inline void gateway_open(struct gateway *g, const char *name)
{
    char path[80];

    zmq_msg_init(&g->route);
    mkdir(bus_dir, 0700);
    snprintf(path, sizeof path, "%s/%s", bus_dir, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(g->path, sizeof g->path, "%s/%s", path, api_svc_name(SVC_CHAT));
    ck_assert_int_eq(mkdir(g->path, 0700), 0);
    bind_to(g);
}

static inline void gateway_close(struct gateway *g)
{
    char path[160];

    zmq_msg_close(&g->route);
    if (g->socket)
        zmq_close(g->socket);
    snprintf(path, sizeof path, "%s/bus", g->path);
    unlink(path);
    rmdir(g->path);
    *strrchr(g->path, '/') = '\0';
    ck_assert_int_eq(rmdir(g->path), 0);
}

/* Killed; its directory stays. */
static inline void gateway_kill(struct gateway *g)
{
    zmq_close(g->socket);
    g->socket = NULL;
}

static inline void answer(struct gateway *g, const struct envelope *e)
{
    char head[ENVELOPE_HEAD_MAX];
    size_t size = envelope_encode(e, head, sizeof head);
    zmq_msg_t route;

    zmq_msg_init(&route);
    zmq_msg_copy(&route, &g->route);
    ck_assert_int_ge(zmq_msg_send(&route, g->socket, ZMQ_SNDMORE), 0);
    ck_assert_int_ge(zmq_send(g->socket, head, size, 0), 0);
}

/* The next message of that kind within ms; PINGs are answered meanwhile.  Strings of ret live until
 * the next call. */
static inline bool expect(struct gateway *g, enum frame_kind kind, int ms, struct envelope *ret)
{
    static char head[ENVELOPE_HEAD_MAX];
    static bool known;
    int64_t until = clock_ms() + ms;

    for (;;) {
        zmq_pollitem_t item = {.socket = g->socket, .events = ZMQ_POLLIN};
        int64_t left = until - clock_ms();
        zmq_msg_t rest;
        int size;

        if (left <= 0 || zmq_poll(&item, 1, left) <= 0)
            return false;
        ck_assert_int_ge(zmq_msg_recv(&g->route, g->socket, 0), 0);
        size = zmq_recv(g->socket, head, sizeof head, 0);
        ck_assert_int_ge(size, 0);
        for (int more = zmq_msg_more(&g->route); more;) {
            size_t n = sizeof more;
            zmq_getsockopt(g->socket, ZMQ_RCVMORE, &more, &n);
            if (!more)
                break;
            zmq_msg_init(&rest);
            zmq_msg_recv(&rest, g->socket, 0);
            zmq_msg_close(&rest);
        }
        ck_assert_int_eq(envelope_decode(head, (size_t)size, ret), 0);
        if (ret->kind == FRAME_READY)
            known = true;
        if (ret->kind == FRAME_PING)
            answer(g, &(struct envelope){.kind = FRAME_PONG, .generation = 1, .known = known});
        if (ret->kind == kind)
            return true;
    }
}

/* READY, and the PING that makes it known to be up. */
static inline void greet(struct gateway *g)
{
    struct envelope e;

    ck_assert(expect(g, FRAME_READY, WAIT_MS, &e));
    ck_assert_str_eq(e.instance, d.instance);
    ck_assert(expect(g, FRAME_PING, WAIT_MS, &e));
}
