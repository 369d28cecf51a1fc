/* Connections: non-blocking sockets that read requests and send answers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "multipart.h"
#include "reply.h"
#include "routes.h"

enum {
    READ_SIZE = 65536,
    ACCEPT_ROUND = 256,
    IN_HIGH = 262144, /* a busy connection reads no further than this */
    IDLE_MS = 120000,
    SWEEP_MS = 5000,
    SHUT_MS = 1000, /* how long a shut connection waits for the client's end */
};

struct connection_counts connection_counts;

static struct watch listener = {.fd = -1};
static struct connection *connections, *dirty;
static struct timer sweep;
static unsigned connection_max; /* below the descriptor limit, so that accept() never meets it */

void connection_dirty(struct connection *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = dirty;
    dirty = c;
}

void connection_finish(struct connection *c)
{
    c->busy = false;
    if (c->http.close)
        c->ending = true;
    c->http = (struct http){0};
    buffer_clear(&c->body);
    connection_dirty(c);
}

void connection_end(struct connection *c)
{
    c->ending = true;
    c->busy = false;
    connection_dirty(c);
}

void connection_close(struct connection *c, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    if (c->closed)
        return;
    c->closed = true;
    connection_counts.open--;
    timer_clear(&c->pace);
    follow_leave(&c->follower);
    if (reset)
        setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(c->watch.fd);
    connection_dirty(c);
}

static void connection_free(struct connection *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        connections = c->next;
    if (c->next)
        c->next->previous = c->previous;
    upload_drop(&c->upload);
    buffer_free(&c->in);
    buffer_free(&c->out);
    buffer_free(&c->body);
    free(c);
}

static void connection_refuse(struct connection *c, int status)
{
    c->http.close = true;
    c->in_body = false;
    reply_error(c, &(struct api_error){.status = status,
                                       .type = "invalid_request_error",
                                       .message = http_reason(status)});
}

static void connection_complete(struct connection *c)
{
    c->in_body = false;
    c->busy = true;
    c->request = ++connection_counts.requests;
    route_serve(c);
    upload_drop(&c->upload);
}

/* Parses one step of the input; false when bytes are missing. */
static bool connection_step(struct connection *c)
{
    size_t used, length;
    const char *body;
    int result;

    if (!c->in_body) {
        result = http_head(&c->http, buffer_at(&c->in), buffer_length(&c->in), &used);
        if (result == HTTP_MORE)
            return false;
        buffer_consume(&c->in, used);
        c->in_body = result == HTTP_DONE;
        if (!c->in_body)
            return connection_refuse(c, result), false;
        route_find(c);
        if (c->http.expects && c->http.left <= c->http.body_max) {
            buffer_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
            connection_dirty(c);
        }
        return true;
    }
    result = http_body(&c->http, buffer_at(&c->in), buffer_length(&c->in), &used, &body, &length);
    route_body(c, body, length);
    buffer_consume(&c->in, used);
    if (result >= 400)
        return connection_refuse(c, result), false;
    if (result == HTTP_DONE)
        return connection_complete(c), true;
    return used > 0;
}

static void connection_process(struct connection *c)
{
    if (c->write_max || c->slow_byte_ms)
        return; /* the pace belongs to the answer that is still going out */
    while (!c->busy && !c->ending && !c->closed && buffer_length(&c->out) < OUT_HIGH)
        if (!connection_step(c))
            break;
}

static void pace_fire(struct timer *timer)
{
    connection_dirty((struct connection *)((char *)timer - offsetof(struct connection, pace)));
}

/* Sends what may go now; false when the connection is lost. */
static bool connection_send(struct connection *c)
{
    size_t left;

    while (!c->pace.place && (left = buffer_length(&c->out))) {
        size_t size = c->write_max && left > c->write_max ? c->write_max : left;
        ssize_t sent;

        sent = send(c->watch.fd, buffer_at(&c->out), c->slow_byte_ms ? 1 : size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        buffer_consume(&c->out, (size_t)sent);
        c->active = clock_ms();
        if (c->slow_byte_ms)
            timer_set(&c->pace, c->active + (uint64_t)c->slow_byte_ms, pace_fire);
    }
    return true;
}

static void connection_wait(struct connection *c)
{
    uint32_t events = EPOLLRDHUP;

    if (!c->eof && !(c->busy && buffer_length(&c->in) > IN_HIGH))
        events |= EPOLLIN;
    if (buffer_length(&c->out) && !c->pace.place)
        events |= EPOLLOUT;
    loop_watch(&c->watch, c->eof ? events & ~(uint32_t)EPOLLRDHUP : events);
}

static void shut_fire(struct timer *timer)
{
    connection_close((struct connection *)((char *)timer - offsetof(struct connection, pace)),
                     false);
}

/* All is sent and nothing more will be: FIN, then wait a little so that no RST eats the answer. */
static void connection_shut(struct connection *c)
{
    if (c->eof || c->reset)
        return connection_close(c, c->reset);
    if (c->shut)
        return;
    c->shut = true;
    shutdown(c->watch.fd, SHUT_WR);
    buffer_free(&c->in);
    timer_set(&c->pace, clock_ms() + SHUT_MS, shut_fire);
}

static void connection_round(struct connection *c)
{
    if (!connection_send(c))
        return connection_close(c, false);
    if (!buffer_length(&c->out) && !c->busy)
        c->write_max = 0, c->slow_byte_ms = 0;
    if (c->follower.call && buffer_length(&c->out) < OUT_HIGH / 2)
        follow_pump(&c->follower);
    connection_process(c);
    if (c->closed)
        return;
    if (c->eof && c->busy)
        return connection_close(c, false);
    if (!c->dirty && !buffer_length(&c->out) && (c->ending || c->eof))
        connection_shut(c);
    if (!c->closed)
        connection_wait(c);
}

bool connections_round(void)
{
    struct connection *list = dirty;

    dirty = NULL;
    while (list) {
        struct connection *c = list;
        list = c->next_dirty;
        c->dirty = false;
        if (c->closed)
            connection_free(c);
        else
            connection_round(c);
    }
    return dirty;
}

static void connection_ready(struct watch *watch, uint32_t events)
{
    struct connection *c = (struct connection *)watch;
    ssize_t got = -1;

    if (c->closed)
        return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        got = recv(watch->fd, buffer_reserve(&c->in, READ_SIZE), READ_SIZE, 0);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return connection_close(c, false);
        c->eof = c->eof || got == 0;
        if (got > 0 && !c->shut)
            buffer_took(&c->in, (size_t)got);
    }
    if (got > 0)
        c->active = clock_ms();
    connection_process(c);
    connection_dirty(c);
}

static void connection_new(int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    int on = 1;

    if (!c)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->watch = (struct watch){.fd = fd, .ready = connection_ready};
    c->active = clock_ms();
    c->next = connections;
    if (connections)
        connections->previous = c;
    connections = c;
    connection_counts.open++;
    connection_counts.accepted++;
    connection_wait(c);
}

static void listener_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    for (int i = 0; i < ACCEPT_ROUND; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (connection_counts.open >= connection_max)
            close(fd);
        else
            connection_new(fd);
    }
}

/* Requests that never become complete and connections nobody uses end here. */
static void sweep_fire(struct timer *timer)
{
    uint64_t now = clock_ms();

    for (struct connection *c = connections; c; c = c->next)
        if (!c->closed && !c->busy && now - c->active > IDLE_MS)
            connection_close(c, false);
    timer_set(timer, now + SWEEP_MS, sweep_fire);
}

static void limit_raise(void)
{
    struct rlimit limit;

    connection_max = CONNECTION_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < CONNECTION_MAX + 64)
        connection_max = limit.rlim_cur > 128 ? (unsigned)limit.rlim_cur - 64 : 64;
}

int connections_open(const char *address, int port, int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof at;
    int on = 1;

    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
        return errno = EINVAL, -1;
    limit_raise();
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener.fd < 0)
        return -1;
    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener.fd, (struct sockaddr *)&at, sizeof at) || listen(listener.fd, 4096) ||
        getsockname(listener.fd, (struct sockaddr *)&at, &length))
        return -1;
    *ret_port = ntohs(at.sin_port);
    listener.ready = listener_ready;
    loop_watch(&listener, EPOLLIN);
    timer_set(&sweep, clock_ms() + SWEEP_MS, sweep_fire);
    return 0;
}

void connections_close(void)
{
    for (struct connection *c = connections; c; c = c->next)
        connection_close(c, false);
    while (connections)
        connection_free(connections);
    dirty = NULL;
    timer_clear(&sweep);
    if (listener.fd >= 0)
        close(listener.fd);
    listener.fd = -1;
}
