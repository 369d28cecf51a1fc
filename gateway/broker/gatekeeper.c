/* The thread that says who may connect from other hosts. */
#include "gateway/broker/gatekeeper.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/log.h"

#define FRAMES_MAX    16  /* of a question; we need the first ones */
#define FRAME_MAX     256 /* bytes of one that is looked at */
#define ADDRESS_MAX   64  /* bytes of one, with NUL */
#define SAID_MAX      64  /* addresses that are remembered */
#define SAID_AGAIN_US INT64_C(3600000000)

enum { VERSION_FRAME, REQUEST_FRAME, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, QUESTION };

struct gatekeeper {
    void *zap;
    pthread_t thread;
    struct keyring *keys;
    atomic_uint_fast64_t refused;
    struct {
        char address[ADDRESS_MAX];
        int64_t at_us;
    } said[SAID_MAX]; /* refusals that were logged */
    unsigned next;    /* place in said */
};

struct question {
    char frame[FRAMES_MAX][FRAME_MAX];
    size_t size[FRAMES_MAX];
    unsigned count;
};

/* One refusal of an address is one line, not one for each of its tries. */
static bool is_said(struct gatekeeper *g, const char *address)
{
    int64_t now = clock_us();

    for (unsigned i = 0; i < SAID_MAX; i++)
        if (strncmp(g->said[i].address, address, ADDRESS_MAX - 1) == 0 &&
            now - g->said[i].at_us < SAID_AGAIN_US)
            return true;
    snprintf(g->said[g->next].address, ADDRESS_MAX, "%.*s", ADDRESS_MAX - 1, address);
    g->said[g->next].at_us = now;
    g->next = (g->next + 1) % SAID_MAX;
    return false;
}

static void refuse(struct gatekeeper *g, const struct question *q, const char *why, const char *key)
{
    int svc = api_svc_named(q->frame[DOMAIN]);
    char address[96];

    atomic_fetch_add(&g->refused, 1);
    if (!is_said(g, q->frame[ADDRESS]))
        log_line(LOG_LEVEL_WARN, "event=bus_key_refused address=%s service=%s why=%s key=%s",
                 log_quote(q->frame[ADDRESS], address, sizeof address),
                 svc < 0 ? "-" : api_svc_name((enum svc)svc), why, key);
}

/* The hexadecimal key of a client that may come in, which its messages carry as User-Id; "": it may
 * not. */
static void judge(struct gatekeeper *g, const struct question *q, char ret_key[CURVE_HEX_SIZE])
{
    int svc = api_svc_named(q->frame[DOMAIN]);
    struct curve_key key;

    *ret_key = '\0';
    if (q->count < QUESTION || strcmp(q->frame[MECHANISM], "CURVE") != 0 || svc < 0 ||
        q->size[CREDENTIALS] != sizeof key.bytes)
        return refuse(g, q, "no_key", "-");
    memcpy(key.bytes, q->frame[CREDENTIALS], sizeof key.bytes);
    hex_encode(key.bytes, sizeof key.bytes, ret_key);
    if (keyring_allows(g->keys, (enum svc)svc, &key))
        return;
    refuse(g, q, keyring_knows(g->keys, &key) ? "wrong_service" : "unknown", ret_key);
    *ret_key = '\0';
}

/* False: the context is shut down. */
static bool question_read(struct gatekeeper *g, struct question *ret)
{
    int more = 1;

    *ret = (struct question){0};
    while (more) {
        zmq_msg_t m;
        unsigned i = ret->count;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, g->zap, 0) < 0) {
            if (errno == EINTR && !i)
                continue;
            return false;
        }
        if (i < FRAMES_MAX && zmq_msg_size(&m) < FRAME_MAX) {
            ret->size[i] = zmq_msg_size(&m);
            memcpy(ret->frame[i], zmq_msg_data(&m), ret->size[i]);
        }
        ret->count += i < FRAMES_MAX;
        more = zmq_msg_more(&m);
        zmq_msg_close(&m);
    }
    return true;
}

static bool frame_send(struct gatekeeper *g, const void *data, size_t size, int more)
{
    return zmq_send(g->zap, data, size, more) >= 0;
}

static bool answer(struct gatekeeper *g, const struct question *q, const char *key)
{
    const char *status = *key ? "200" : "400";

    return frame_send(g, "1.0", 3, ZMQ_SNDMORE) &&
           frame_send(g, q->frame[REQUEST_FRAME], q->size[REQUEST_FRAME], ZMQ_SNDMORE) &&
           frame_send(g, status, 3, ZMQ_SNDMORE) && frame_send(g, "", 0, ZMQ_SNDMORE) &&
           frame_send(g, key, strlen(key), ZMQ_SNDMORE) && frame_send(g, "", 0, 0);
}

static void *gatekeeper_run(void *state)
{
    struct gatekeeper *g = state;
    char key[CURVE_HEX_SIZE];
    struct question q;

    while (question_read(g, &q)) {
        judge(g, &q, key);
        if (!answer(g, &q, key))
            break;
    }
    zmq_close(g->zap);
    return NULL;
}

int gatekeeper_start(void *context, struct keyring *keys, struct gatekeeper **ret)
{
    cleanup(free_drop) struct gatekeeper *g = calloc(1, sizeof *g);
    sigset_t all, before;
    int r;

    if (!g)
        abort();
    g->keys = keys;
    g->zap = zmq_socket(context, ZMQ_REP);
    if (!g->zap)
        return FAULT("zmq_socket: %s", zmq_strerror(errno));
    if (zmq_bind(g->zap, "inproc://zeromq.zap.01")) {
        zmq_close(g->zap);
        return FAULT("bind: %s", zmq_strerror(errno));
    }
    sigfillset(&all); /* signals are for the program's other threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&g->thread, NULL, gatekeeper_run, g);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r) {
        zmq_close(g->zap);
        return FAULT("pthread_create: %s", strerror(r));
    }
    pthread_setname_np(g->thread, "gatekeeper");
    *ret = TAKE(g);
    return DONE;
}

void gatekeeper_drop(struct gatekeeper **g)
{
    if (!*g)
        return;
    pthread_join((*g)->thread, NULL);
    free_drop(g);
}

uint64_t gatekeeper_refused(const struct gatekeeper *g)
{
    return g ? atomic_load(&g->refused) : 0;
}
