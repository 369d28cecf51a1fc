/*
 * HTTP load from one thread: keeps C requests under way on keep-alive connections for some seconds
 * and prints rate and latencies, as a line for people and a line of JSON.
 *
 *   http [-c CONNECTIONS] [-d SECONDS] [-n NAME] [-m METHOD] [-H 'Name: value']... [-b BODY]
 * HOST:PORT PATH
 *
 * Loopback only.  Exit 1 when any answer was not 2xx or a connection broke.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"

#define CONNECTIONS_MAX 4096
#define SAMPLES_MAX     (4 << 20)

struct connection {
    int fd;
    size_t sent, got;
    int64_t body_left; /* -1: the head is not complete */
    bool failed, close;
    int64_t began_us;
    char head[16384];
};

struct load {
    const char *name, *method, *body, *path;
    struct sockaddr_in to;
    struct text headers, request;
    int connections, seconds, epoll;
    int64_t stop_us;
    int32_t *samples;
    size_t count, errors;
    struct connection list[CONNECTIONS_MAX];
};

static struct load load = {.name = "http", .method = "GET", .connections = 1, .seconds = 5};

static void die(const char *what)
{
    fprintf(stderr, "http: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void request_begin(struct connection *c);

static void connection_open(struct connection *c)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&load.to, sizeof load.to))
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e))
        die("epoll_ctl");
    request_begin(c);
}

static void request_send(struct connection *c)
{
    while (c->sent < load.request.size) {
        ssize_t n = send(c->fd, load.request.data + c->sent, load.request.size - c->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            return;
        c->sent += (size_t)n;
    }
}

static void request_begin(struct connection *c)
{
    c->sent = c->got = 0;
    c->body_left = -1;
    c->failed = c->close = false;
    c->began_us = clock_us();
    request_send(c);
}

static void answer_end(struct connection *c)
{
    int64_t now = clock_us();

    if (c->failed)
        load.errors++;
    if (load.count < SAMPLES_MAX)
        load.samples[load.count++] = (int32_t)(now - c->began_us);
    if (now >= load.stop_us) {
        close(c->fd);
        c->fd = -1;
    } else if (c->close) {
        close(c->fd);
        connection_open(c);
    } else {
        request_begin(c);
    }
}

/* Reads the head once it is whole: status, length, whether the connection ends. */
static void head_read(struct connection *c)
{
    char *end, *length;

    c->head[c->got] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return;
    *end = '\0';
    length = strcasestr(c->head, "\r\nContent-Length:");
    c->failed = c->head[9] != '2';
    if (c->failed && load.errors < 3)
        fprintf(stderr, "http: %.300s\n", c->head);
    c->close = strcasestr(c->head, "\r\nConnection: close") != NULL;
    c->body_left = (length ? strtoll(length + 17, NULL, 10) : 0) -
                   (int64_t)(c->got - (size_t)(end + 4 - c->head));
}

static void answer_read(struct connection *c)
{
    char rest[65536];

    while (c->fd >= 0) {
        bool in_head = c->body_left < 0;
        ssize_t n = recv(c->fd, in_head ? c->head + c->got : rest,
                         in_head ? sizeof c->head - 1 - c->got : sizeof rest, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            c->failed = c->close = true;
            answer_end(c);
            return;
        }
        if (in_head) {
            c->got += (size_t)n;
            head_read(c);
        } else {
            c->body_left -= n;
        }
        if (c->body_left == 0)
            answer_end(c);
    }
}

static void run(void)
{
    struct epoll_event events[256];
    int64_t last_us = load.stop_us + 30000000; /* answers under way may come as late as this */
    int open = 1;

    for (int i = 0; i < load.connections; i++)
        connection_open(&load.list[i]);
    while (open && clock_us() < last_us) {
        int n = epoll_wait(load.epoll, events, 256, 100);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT && c->fd >= 0)
                request_send(c);
            answer_read(c);
        }
        open = 0;
        for (int i = 0; i < load.connections; i++)
            open += load.list[i].fd >= 0;
    }
    load.errors += (size_t)open;
}

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static double percentile_ms(double p)
{
    return load.count ? load.samples[(size_t)(p * (double)(load.count - 1))] / 1000.0 : 0;
}

static void report(int64_t took_us)
{
    double rate = (double)load.count * 1e6 / (double)took_us;

    qsort(load.samples, load.count, sizeof *load.samples, by_size);
    printf("%-24s c=%-4d %9.0f/s  p50 %8.3f ms  p99 %8.3f ms  max %8.3f ms  errors %zu\n",
           load.name, load.connections, rate, percentile_ms(.5), percentile_ms(.99),
           percentile_ms(1), load.errors);
    printf("{\"name\":\"%s\",\"c\":%d,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"count\":%zu,"
           "\"errors\":%zu}\n",
           load.name, load.connections, rate, percentile_ms(.5), percentile_ms(.99), load.count,
           load.errors);
}

static void address_parse(const char *host_port)
{
    char host[64];
    const char *colon = strrchr(host_port, ':');

    if (!colon || (size_t)(colon - host_port) >= sizeof host) {
        fprintf(stderr, "http: HOST:PORT needed\n");
        exit(2);
    }
    memcpy(host, host_port, (size_t)(colon - host_port));
    host[colon - host_port] = '\0';
    load.to = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10))};
    if (inet_pton(AF_INET, host, &load.to.sin_addr) != 1 ||
        ntohl(load.to.sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr, "http: only loopback addresses\n");
        exit(2);
    }
}

static void options_parse(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "c:d:n:m:H:b:")) != -1) {
        switch (o) {
        case 'c':
            load.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'd':
            load.seconds = (int)strtol(optarg, NULL, 10);
            break;
        case 'n':
            load.name = optarg;
            break;
        case 'm':
            load.method = optarg;
            break;
        case 'H':
            text_printf(&load.headers, "%s\r\n", optarg);
            break;
        case 'b':
            load.body = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc - 2 || load.connections < 1 || load.connections > CONNECTIONS_MAX ||
        load.seconds < 1 || load.seconds > 600) {
        fprintf(stderr, "usage: http [-c N] [-d SECONDS] [-n NAME] [-m METHOD] [-H HEADER]... "
                        "[-b BODY] HOST:PORT PATH\n");
        exit(2);
    }
    address_parse(argv[optind]);
    load.path = argv[optind + 1];
}

int main(int argc, char **argv)
{
    int64_t began;

    options_parse(argc, argv);
    text_printf(&load.request, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", load.method, load.path,
                argv[argc - 2], load.headers.data ? load.headers.data : "");
    if (load.body)
        text_printf(&load.request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                    strlen(load.body));
    text_printf(&load.request, "\r\n%s", load.body ? load.body : "");
    load.samples = malloc(SAMPLES_MAX * sizeof *load.samples);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!load.samples || load.epoll < 0)
        die("start");
    began = clock_us();
    load.stop_us = began + (int64_t)load.seconds * 1000000;
    run();
    report(clock_us() - began);
    free(load.samples);
    text_drop(&load.headers);
    text_drop(&load.request);
    return load.errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
