/* The thread that says who may connect from other hosts. */
#include "gateway/broker/gatekeeper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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
#define MONITOR_SIZE  40 /* bytes of an endpoint that events come from, with NUL */
#define EVENT_SIZE    6  /* bytes of one: 16 bits say what, 32 bits hold a value */
#define FAILED        (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
#define ENDED         (FAILED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
#define GREETING_MAX  256 /* connections at one port that have not said who they are */
#define GREETING_US   ((CURVE_HANDSHAKE_MS + 500) * INT64_C(1000)) /* none does so for longer */
#define LOOK_MS       500

enum { VERSION_FRAME, REQUEST_FRAME, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, QUESTION };

struct greeting {
    char address[ADDRESS_MAX];
    int64_t at_us;
};

/* Connections to the ROUTER of a service, oldest first, of which it is not known yet how they end.
 * Events do not say whose they are, and the library tells nothing at all of some that speak
 * something else: what is left over when the time of all is over is one of these. */
struct door {
    void *events;
    struct greeting greeting[GREETING_MAX];
    unsigned first, count;
};

struct gatekeeper {
    void *zap;
    struct door door[SVC_GATEWAY];
    pthread_t thread;
    struct keyring *keys;
    atomic_uint_fast64_t refused, strangers;
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

/* ---- who never comes as far as a key ---- */

/* The address of a connection that was just made; "-": it is gone again. */
static void address_of(int fd, char ret[ADDRESS_MAX])
{
    struct sockaddr_in6 six = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&six;
    socklen_t size = sizeof six;

    if (getpeername(fd, (struct sockaddr *)&six, &size) ||
        !inet_ntop(six.sin6_family,
                   six.sin6_family == AF_INET ? (void *)&four->sin_addr : (void *)&six.sin6_addr,
                   ret, ADDRESS_MAX))
        snprintf(ret, ADDRESS_MAX, "-");
}

/* The newest one has come to its end, as a handshake takes no time; false: none is known. */
static bool newest_take(struct door *d, struct greeting *ret)
{
    if (!d->count)
        return false;
    *ret = d->greeting[(d->first + --d->count) % GREETING_MAX];
    return true;
}

static void oldest_drop(struct door *d)
{
    d->first = (d->first + 1) % GREETING_MAX;
    d->count--;
}

static void stranger(struct gatekeeper *g, enum svc svc, const char *address, const char *why)
{
    char said[ADDRESS_MAX + 16];

    snprintf(said, sizeof said, "%s %s", address, why); /* beside what was said of its keys */
    atomic_fetch_add(&g->strangers, 1);
    if (!is_said(g, said))
        log_line(LOG_LEVEL_WARN, "event=bus_handshake_failed address=%s service=%s why=%s", address,
                 api_svc_name(svc), why);
}

static void greeting_add(struct door *d, int fd)
{
    struct greeting *n;

    if (d->count == GREETING_MAX)
        oldest_drop(d);
    n = &d->greeting[(d->first + d->count++) % GREETING_MAX];
    n->at_us = clock_us();
    address_of(fd, n->address);
}

static void event_take(struct gatekeeper *g, enum svc svc, int event, uint32_t value)
{
    struct greeting of = {.address = "-"};

    if (event == ZMQ_EVENT_ACCEPTED) {
        greeting_add(&g->door[svc], (int)value);
        return;
    }
    newest_take(&g->door[svc], &of);
    if (event & FAILED)
        stranger(g, svc, of.address,
                 event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ? "protocol" : "broken_off");
}

/* Whose time is over.  Whether others are left. */
static bool greetings_lapse(struct gatekeeper *g)
{
    int64_t before = clock_us() - GREETING_US;
    bool left = false;

    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        struct door *d = &g->door[svc];
        for (; d->count && d->greeting[d->first].at_us < before; oldest_drop(d))
            stranger(g, (enum svc)svc, d->greeting[d->first].address, "protocol");
        left |= d->count > 0;
    }
    return left;
}

/* An event is two frames; the second one names our end, which may be that of this host. */
static void events_read(struct gatekeeper *g, enum svc svc)
{
    unsigned char what[EVENT_SIZE];
    char end[FRAME_MAX];
    uint16_t event;
    uint32_t value;

    while (zmq_recv(g->door[svc].events, what, sizeof what, ZMQ_DONTWAIT) == sizeof what) {
        memcpy(&event, what, sizeof event);
        memcpy(&value, what + sizeof event, sizeof value);
        if (zmq_recv(g->door[svc].events, end, sizeof end, 0) >= 4 && memcmp(end, "tcp:", 4) == 0)
            event_take(g, svc, event, value);
    }
}

static void monitor_name(enum svc svc, char ret[MONITOR_SIZE])
{
    snprintf(ret, MONITOR_SIZE, "inproc://connections-%s", api_svc_name(svc));
}

int gatekeeper_watch(void *router, enum svc svc)
{
    char name[MONITOR_SIZE];

    monitor_name(svc, name);
    if (zmq_socket_monitor(router, name, ZMQ_EVENT_ACCEPTED | ENDED))
        return FAULT("zmq_socket_monitor: %s", zmq_strerror(errno));
    return DONE;
}

/* ---- the thread ---- */

static void sockets_close(struct gatekeeper *g)
{
    for (int svc = 0; svc < SVC_GATEWAY; svc++)
        if (g->door[svc].events)
            zmq_close(g->door[svc].events);
    if (g->zap)
        zmq_close(g->zap);
}

static bool question_answer(struct gatekeeper *g)
{
    char key[CURVE_HEX_SIZE];
    struct question q;

    if (!question_read(g, &q))
        return false;
    judge(g, &q, key);
    return answer(g, &q, key);
}

static void *gatekeeper_run(void *state)
{
    struct gatekeeper *g = state;
    zmq_pollitem_t items[SVC_GATEWAY + 1] = {{0}};
    bool goes_on = true;

    for (int svc = 0; svc < SVC_GATEWAY; svc++)
        items[svc] = (zmq_pollitem_t){.socket = g->door[svc].events, .events = ZMQ_POLLIN};
    items[SVC_GATEWAY] = (zmq_pollitem_t){.socket = g->zap, .events = ZMQ_POLLIN};
    while (goes_on && (zmq_poll(items, SVC_GATEWAY + 1, greetings_lapse(g) ? LOOK_MS : -1) >= 0 ||
                       errno == EINTR)) {
        for (int svc = 0; svc < SVC_GATEWAY; svc++)
            if (items[svc].revents)
                events_read(g, (enum svc)svc);
        if (items[SVC_GATEWAY].revents)
            goes_on = question_answer(g);
    }
    sockets_close(g);
    return NULL;
}

/* The ROUTERs come after us. */
static int doors_open(struct gatekeeper *g, void *context)
{
    char name[MONITOR_SIZE];
    int none = 0;

    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        void *events = g->door[svc].events = zmq_socket(context, ZMQ_PAIR);
        monitor_name((enum svc)svc, name);
        if (!events || zmq_setsockopt(events, ZMQ_LINGER, &none, sizeof none) ||
            zmq_connect(events, name))
            return FAULT("%s: %s", name, zmq_strerror(errno));
    }
    return DONE;
}

static int zap_open(struct gatekeeper *g, void *context)
{
    g->zap = zmq_socket(context, ZMQ_REP);
    if (!g->zap || zmq_bind(g->zap, "inproc://zeromq.zap.01"))
        return FAULT("zap: %s", zmq_strerror(errno));
    return DONE;
}

int gatekeeper_start(void *context, struct keyring *keys, struct gatekeeper **ret)
{
    cleanup(free_drop) struct gatekeeper *g = calloc(1, sizeof *g);
    sigset_t all, before;
    int r;

    if (!g)
        abort();
    g->keys = keys;
    if ((r = zap_open(g, context)) || (r = doors_open(g, context))) {
        sockets_close(g);
        return r;
    }
    sigfillset(&all); /* signals are for the program's other threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&g->thread, NULL, gatekeeper_run, g);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r) {
        sockets_close(g);
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

uint64_t gatekeeper_strangers(const struct gatekeeper *g)
{
    return g ? atomic_load(&g->strangers) : 0;
}
