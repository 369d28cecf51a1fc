/* One ROUTER of the bus: where it is bound, its messages, and the word of the kernel, or of the
 * gatekeeper, on who sent them. */
#include "gateway/broker/bus_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "gateway/broker/gatekeeper.h"
#include "proto/api.h"

#define ROUTE_SIZE 5 /* routing id that ZeroMQ makes: a zero byte and 32 bits */
#define BACKLOG    100
#define LINGER_MS  200 /* for last replies when the broker stops */

static int directory_make(const char *path, gid_t group)
{
    if (mkdir(path, 0750) && errno != EEXIST)
        return FAULT("mkdir %s: %s", path, strerror(errno));
    if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) && errno != EPERM)
        return FAULT("chown %s: %s", path, strerror(errno));
    if (chmod(path, 0750)) /* the umask may have kept the group out */
        return FAULT("chmod %s: %s", path, strerror(errno));
    return DONE;
}

/* Removes what a process before us left; one that still listens keeps its socket. */
static int stale_remove(const char *path)
{
    cleanup(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return FAULT("%s is in use: another gateway has this name", path);
    if (unlink(path) && errno != ENOENT)
        return FAULT("unlink %s: %s", path, strerror(errno));
    return DONE;
}

static int options_set(void *zmq)
{
    static const struct {
        int option, value;
    } options[] = {
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_LINGER, LINGER_MS},
        {ZMQ_SNDHWM, BUS_SEND_MAX},
        {ZMQ_RCVHWM, BUS_SEND_MAX},
    };
    int64_t frame_max = BUS_FRAME_MAX;

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (zmq_setsockopt(zmq, options[i].option, &options[i].value, sizeof options[i].value))
            return FAULT("zmq_setsockopt: %s", zmq_strerror(errno));
    if (zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max))
        return FAULT("zmq_setsockopt: %s", zmq_strerror(errno));
    return DONE;
}

/* No set-group-ID directory does this: services may not make those (RestrictSUIDSGID=). */
static int bind_path(struct bus_socket *s, gid_t group)
{
    char endpoint[sizeof s->path + 8];
    size_t size = sizeof s->fd;
    mode_t before;
    int r;

    snprintf(endpoint, sizeof endpoint, "ipc://%s", s->path);
    before = umask(0117);
    r = zmq_bind(s->zmq, endpoint);
    umask(before);
    if (r)
        return FAULT("bind %s: %s", s->path, zmq_strerror(errno));
    if (group != (gid_t)-1 && chown(s->path, (uid_t)-1, group) && errno != EPERM)
        return FAULT("chown %s: %s", s->path, strerror(errno));
    if (chmod(s->path, 0660))
        return FAULT("chmod %s: %s", s->path, strerror(errno));
    if (zmq_getsockopt(s->zmq, ZMQ_FD, &s->fd, &size))
        return FAULT("ZMQ_FD: %s", zmq_strerror(errno));
    return DONE;
}

int bus_socket_open(struct bus_socket *s, void *context, const char *path, gid_t group)
{
    int n = snprintf(s->path, sizeof s->path, "%s/bus", path), r;

    *s->path = n < (int)sizeof s->path ? *s->path : '\0';
    if (!*s->path)
        return FAULT("%s/bus has more than %zu bytes: shorten BUS_DIR", path, sizeof s->path - 1);
    if ((r = directory_make(path, group)) || (r = stale_remove(s->path))) {
        *s->path = '\0'; /* not ours to remove */
        return r;
    }
    s->zmq = zmq_socket(context, ZMQ_ROUTER);
    if (!s->zmq)
        return FAULT("zmq_socket: %s", zmq_strerror(errno));
    if ((r = options_set(s->zmq)))
        return r;
    return bind_path(s, group);
}

/* The library would look the address up among the network interfaces first, for which units let
 * nobody ask the kernel (AF_NETLINK), and abort. */
static int tcp_listen(const char *address, int port, int *ret)
{
    cleanup(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int yes = 1;

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        return FAULT("BUS_LISTEN: %s is no IPv4 address in numbers", address);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        bind(fd, (struct sockaddr *)&to, sizeof to) || listen(fd, BACKLOG))
        return FAULT("bind %s:%d: %s", address, port, strerror(errno));
    *ret = fd;
    fd = -1;
    return DONE;
}

int bus_socket_listen(struct bus_socket *s, const char *address, int port, enum svc svc,
                      const struct curve_key *secret)
{
    char endpoint[64];
    int r, fd;

    if ((r = curve_serve(s->zmq, secret, api_svc_name(svc))) ||
        (r = gatekeeper_watch(s->zmq, svc)) || (r = tcp_listen(address, port, &fd)))
        return r;
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%d", address, port);
    if (zmq_setsockopt(s->zmq, ZMQ_USE_FD, &fd, sizeof fd) || zmq_bind(s->zmq, endpoint)) {
        close(fd);
        return FAULT("bind %s: %s", endpoint, zmq_strerror(errno));
    }
    return DONE;
}

void bus_socket_close(struct bus_socket *s)
{
    if (s->zmq)
        zmq_close(s->zmq);
    if (*s->path)
        unlink(s->path);
    *s = (struct bus_socket){.fd = -1};
}

bool bus_socket_readable(struct bus_socket *s)
{
    int events = 0;
    size_t size = sizeof events;

    zmq_getsockopt(s->zmq, ZMQ_EVENTS, &events, &size);
    return events & ZMQ_POLLIN;
}

static bool payload_allowed(enum frame_kind kind)
{
    return kind == FRAME_REQUEST || kind == FRAME_REPLY || kind == FRAME_EVENT ||
           kind == FRAME_DATA;
}

/* A socket that was not read until it is empty never tells of messages again: an interruption is no
 * reason to leave it. */
static bool frame_take(struct bus_socket *s, zmq_msg_t *ret)
{
    int r;

    do
        r = zmq_msg_recv(ret, s->zmq, ZMQ_DONTWAIT);
    while (r < 0 && errno == EINTR);
    return r >= 0;
}

/* Takes the next frame of the message that has begun; false: it has no more. */
static bool frame_next(struct bus_socket *s, zmq_msg_t *last, zmq_msg_t *ret)
{
    zmq_msg_init(ret);
    return zmq_msg_more(last) && frame_take(s, ret);
}

/* Takes the frames that the protocol does not know; whether there were any. */
static bool rest_drop(struct bus_socket *s, zmq_msg_t *last)
{
    zmq_msg_t rest;
    bool any = false;

    while (zmq_msg_more(last)) {
        if (!frame_next(s, last, &rest))
            return true;
        any = true;
        zmq_msg_move(last, &rest);
        zmq_msg_close(&rest);
    }
    return any;
}

static bool message_read(struct bus_socket *s, zmq_msg_t *route, struct bus_message *ret)
{
    const unsigned char *id = zmq_msg_data(route);
    bool head = frame_next(s, route, &ret->head);
    bool payload = frame_next(s, &ret->head, &ret->payload);

    if (rest_drop(s, payload ? &ret->payload : &ret->head) || !head ||
        zmq_msg_size(route) != ROUTE_SIZE || id[0] != 0)
        return false;
    memcpy(&ret->route, id + 1, sizeof ret->route);
    if (envelope_decode(zmq_msg_data(&ret->head), zmq_msg_size(&ret->head), &ret->e))
        return false;
    return !payload || payload_allowed(ret->e.kind);
}

enum bus_got bus_socket_receive(struct bus_socket *s, struct bus_message *ret)
{
    zmq_msg_t route;
    bool ok;

    zmq_msg_init(&route);
    if (!frame_take(s, &route))
        return BUS_NOTHING;
    ok = message_read(s, &route, ret);
    zmq_msg_close(&route);
    if (!ok)
        bus_message_drop(ret);
    return ok ? BUS_MESSAGE : BUS_VOID;
}

void bus_message_drop(struct bus_message *m)
{
    zmq_msg_close(&m->head);
    zmq_msg_close(&m->payload);
}

/* host:uid:gid:pid; only ipc has it, and its host holds no colon. */
static bool local_read(const char *address, struct bus_peer *ret)
{
    const char *at = address ? strchr(address, ':') : NULL;
    unsigned uid, gid;
    int pid;

    if (!at || sscanf(at, ":%u:%u:%d", &uid, &gid, &pid) != 3)
        return false;
    ret->uid = uid;
    ret->pid = pid;
    return true;
}

bool bus_message_peer(struct bus_message *m, struct bus_peer *ret)
{
    const char *key = zmq_msg_gets(&m->head, "User-Id");

    *ret = (struct bus_peer){.uid = (uid_t)-1};
    if (!key) /* it came in by a socket file: by TCP nobody gets in without one */
        return local_read(zmq_msg_gets(&m->head, "Peer-Address"), ret);
    ret->remote = true;
    return curve_key_read(key, strlen(key), &ret->key);
}

static enum bus_sent frame_send(struct bus_socket *s, zmq_msg_t *frame, int more)
{
    if (zmq_msg_send(frame, s->zmq, ZMQ_DONTWAIT | more) >= 0)
        return BUS_SENT;
    return errno == EAGAIN ? BUS_FULL : BUS_GONE;
}

static void frame_copy(zmq_msg_t *ret, const void *data, size_t n)
{
    if (zmq_msg_init_size(ret, n))
        abort();
    memcpy(zmq_msg_data(ret), data, n);
}

static enum bus_sent frames_send(struct bus_socket *s, uint32_t route, zmq_msg_t *head,
                                 zmq_msg_t *payload)
{
    unsigned char id[ROUTE_SIZE] = {0};
    zmq_msg_t first;
    enum bus_sent r;

    memcpy(id + 1, &route, sizeof route);
    frame_copy(&first, id, sizeof id);
    r = frame_send(s, &first, ZMQ_SNDMORE);
    zmq_msg_close(&first);
    if (r == BUS_SENT)
        r = frame_send(s, head, payload ? ZMQ_SNDMORE : 0);
    if (r == BUS_SENT && payload)
        r = frame_send(s, payload, 0);
    return r;
}

enum bus_sent bus_socket_send(struct bus_socket *s, uint32_t route, const struct envelope *e,
                              zmq_msg_t *payload)
{
    char buf[ENVELOPE_HEAD_MAX];
    size_t n = envelope_encode(e, buf, sizeof buf);
    enum bus_sent r = BUS_TOO_BIG;
    zmq_msg_t head, empty;

    zmq_msg_init(&empty);
    if (!payload && payload_allowed(e->kind))
        payload = &empty;
    if (n) {
        frame_copy(&head, buf, n);
        r = frames_send(s, route, &head, payload);
        zmq_msg_close(&head);
    }
    if (payload)
        zmq_msg_close(payload);
    return r;
}
