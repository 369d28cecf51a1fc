#pragma once
/* A broker in a directory of its own, peers to speak with it, and threads that ask it. */
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "gateway/broker/broker.h"
#include "tests/unit/bus_peer.h"
#include "tests/unit/check_main.h"
#include "tests/unit/eventually.h"

#define QUIET_MS 150 /* for what must not */

static char fixture_dir[32];
static struct broker *broker;
static struct broker_config fixture_config;

static inline void fixture_broker(void)
{
    ck_assert_int_eq(broker_start(&fixture_config, &broker), DONE);
}

/* The directory alone; tests that fork do so before fixture_broker(). */
static inline void fixture_directory(void)
{
    log_limit(LOG_LEVEL_ERR);
    snprintf(fixture_dir, sizeof fixture_dir, "/tmp/bus-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture_dir));
    fixture_config = (struct broker_config){.bus_dir = fixture_dir, .name = "gateway"};
    for (int i = 0; i < SVC_COUNT; i++) {
        fixture_config.peer_uid[i] = getuid();
        fixture_config.peer_gid[i] = (gid_t)-1;
    }
}

static inline void fixture_begin(void)
{
    fixture_directory();
    fixture_broker();
}

static inline void fixture_end(void)
{
    char path[64];

    broker_drop(&broker);
    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        snprintf(path, sizeof path, "%s/gateway/%s", fixture_dir, api_svc_name((enum svc)svc));
        rmdir(path);
    }
    snprintf(path, sizeof path, "%s/gateway", fixture_dir);
    rmdir(path);
    ck_assert_int_eq(rmdir(fixture_dir), 0); /* so the sockets are gone, too */
}

/* A peer that the broker knows as READY, with that credit for each lane. */
static inline void peer_join(struct peer *p, enum svc svc, const char *instance, int credit)
{
    struct peer_message m;

    peer_open(p, fixture_dir, svc, instance);
    peer_ready(p, credit);
    peer_ping(p);
    ck_assert(peer_expect(p, FRAME_PONG, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.known, 1);
    peer_message_drop(&m);
}

/* Waits for a REQUEST and returns its id. */
static inline uint64_t peer_take(struct peer *p)
{
    struct peer_message m;
    uint64_t id;

    ck_assert(peer_expect(p, FRAME_REQUEST, WAIT_MS, &m));
    id = m.e.id;
    peer_message_drop(&m);
    return id;
}

/* Whether nothing but PONG comes. */
static inline bool peer_idle(struct peer *p)
{
    int64_t until = clock_ms() + QUIET_MS;
    struct peer_message m;

    while (peer_receive(p, (int)(until - clock_ms()), &m)) {
        bool pong = m.e.kind == FRAME_PONG;
        peer_message_drop(&m);
        if (!pong)
            return false;
    }
    return true;
}

/* A call under way in a thread of its own. */
struct asked {
    pthread_t thread;
    struct bus_request req;
    struct bus_reply reply;
    int64_t took_ms;
};

static inline void *asked_run(void *state)
{
    struct asked *a = state;
    int64_t begun = clock_ms();

    broker_call(broker, &a->req, &a->reply);
    a->took_ms = clock_ms() - begun;
    return NULL;
}

static inline struct bus_request request_of(enum op_id op)
{
    return (struct bus_request){.op = api_op(op),
                                .caller = 7,
                                .trace = "t-1",
                                .address = "127.0.0.1",
                                .deadline_ms = 10000};
}

static inline void ask_with(struct asked *a, const struct bus_request *req)
{
    *a = (struct asked){.req = *req};
    ck_assert_int_eq(pthread_create(&a->thread, NULL, asked_run, a), 0);
}

static inline void ask(struct asked *a, enum op_id op)
{
    struct bus_request req = request_of(op);

    ask_with(a, &req);
}

/* Waits for the answer and returns its status; the body is freed. */
static inline int answer_of(struct asked *a)
{
    pthread_join(a->thread, NULL);
    bus_reply_drop(&a->reply);
    return a->reply.status;
}

static inline struct service_state state_of(enum svc svc)
{
    struct service_state s;

    broker_service_state(broker, svc, &s);
    return s;
}

static inline struct broker_stats stats_now(void)
{
    struct broker_stats s;

    broker_stats(broker, &s);
    return s;
}
