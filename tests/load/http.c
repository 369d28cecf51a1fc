/*
 * HTTP load from one thread: keeps C requests under way on keep-alive connections for some seconds
 * and prints rate and latencies, as a line for people and a line of JSON.
 *
 *   http [-c CONNECTIONS] [-d SECONDS] [-r RATE] [-s STATUS]... [-n NAME] [-m METHOD]
 *        [-H 'Name: value']... [-b BODY] [-u USERS [-t]] HOST:PORT PATH
 *
 * With -r so many requests begin each second, whatever became of earlier ones, on up to C
 * connections; what finds none free is counted as unsent.  -s names an answer that is right besides
 * 2xx.  USERS is a file of lines `TOKEN PROJECT`, which the connections share out, or with -t all
 * in turn, a request each; in BODY @ is the project and # a number of 8 digits, another one in each
 * request.  Loopback only.  Exit 1 when any
 * answer was another or a connection broke.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/text.h"
#include "tests/load/lib/load.h"

#define CONNECTIONS_MAX 4096
#define STATUS_MAX      16
#define NUMBER_DIGITS   8

/* The answers of one status. */
struct answers {
    int status;
    bool expected;
    struct samples samples;
};

struct connection {
    int fd;
    bool idle;           /* with -r: waits for its next request */
    struct text request; /* its own copy: with another number each time */
    char *number;        /* in it */
    size_t sent, got;
    int64_t body_left; /* -1: the head is not complete */
    bool close;
    int status; /* 0: the connection broke */
    int64_t began_us;
    char head[16384];
};

struct load {
    const char *name, *method, *body, *path, *host;
    struct sockaddr_in to;
    struct text headers, requests[USERS_MAX]; /* one for each user */
    struct user users[USERS_MAX];
    size_t user_count, request_count;
    bool in_turn; /* each request is of the next user */
    int connections, seconds, rate, epoll;
    int64_t stop_us;
    struct samples samples;
    struct answers statuses[STATUS_MAX];
    size_t status_count, errors, begun, unsent;
    struct connection list[CONNECTIONS_MAX];
};

static struct load load = {.name = "http", .method = "GET", .connections = 1, .seconds = 5};

static void request_begin(struct connection *c);

static struct answers *answers_of(int status)
{
    struct answers *a = load.statuses;

    while (a < load.statuses + load.status_count && a->status != status)
        a++;
    if (a == load.statuses + STATUS_MAX)
        load_die("too many kinds of answers");
    if (a == load.statuses + load.status_count) {
        load.status_count++;
        *a = (struct answers){.status = status, .expected = status / 100 == 2};
    }
    return a;
}

static void request_copy(struct connection *c, const struct text *made)
{
    text_clear(&c->request);
    text_add(&c->request, made->data, made->size);
    c->number = strchr(strstr(c->request.data, "\r\n\r\n"), '#');
}

static void connection_open(struct connection *c)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    c->fd = load_connect(&load.to);
    if (!c->request.data)
        request_copy(c, &load.requests[(size_t)(c - load.list) % load.request_count]);
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e))
        load_die("epoll_ctl");
    request_begin(c);
}

static void request_send(struct connection *c)
{
    while (c->sent < c->request.size) {
        ssize_t n = send(c->fd, c->request.data + c->sent, c->request.size - c->sent,
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
    c->status = 0;
    c->idle = c->close = false;
    if (load.in_turn)
        request_copy(c, &load.requests[load.begun % load.request_count]);
    if (c->number) {
        char digits[24];
        snprintf(digits, sizeof digits, "%0*zu", NUMBER_DIGITS, load.begun % 100000000);
        memcpy(c->number, digits, NUMBER_DIGITS);
    }
    load.begun++;
    c->began_us = clock_us();
    request_send(c);
}

static void answer_end(struct connection *c)
{
    int64_t now = clock_us();
    struct answers *kind = answers_of(c->status);

    if (!kind->expected)
        load.errors++;
    samples_add(&load.samples, now - c->began_us);
    samples_add(&kind->samples, now - c->began_us);
    if (now >= load.stop_us || (load.rate && c->close)) {
        close(c->fd);
        c->fd = -1;
    } else if (load.rate) {
        c->idle = true;
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
    c->status = (int)strtol(c->head + 9, NULL, 10);
    if (!answers_of(c->status)->expected && load.errors < 3)
        fprintf(stderr, "http: %.300s\n", c->head);
    c->close = strcasestr(c->head, "\r\nConnection: close") != NULL;
    c->body_left = (length ? strtoll(length + 17, NULL, 10) : 0) -
                   (int64_t)(c->got - (size_t)(end + 4 - c->head));
}

static void answer_read(struct connection *c)
{
    char rest[65536];

    while (c->fd >= 0 && !c->idle) {
        bool in_head = c->body_left < 0;
        ssize_t n = recv(c->fd, in_head ? c->head + c->got : rest,
                         in_head ? sizeof c->head - 1 - c->got : sizeof rest, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            c->status = 0;
            c->close = true;
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

/* One more request, on a connection that is free. */
static void request_another(void)
{
    for (int i = 0; i < load.connections; i++) {
        struct connection *c = &load.list[i];
        if (c->fd < 0) {
            connection_open(c);
            return;
        }
        if (c->idle) {
            request_begin(c);
            return;
        }
    }
    load.unsent++;
}

/* With -r: begins what is due, closes what is idle at the end.  Returns how long to wait. */
static struct timespec pace(int64_t now)
{
    const int64_t left = load.stop_us - now;
    const int64_t at = (int64_t)load.seconds * 1000000 - left;
    int64_t wait = 100000;

    if (load.rate && left > 0) {
        while ((int64_t)(load.begun + load.unsent) * 1000000 <= at * load.rate)
            request_another();
        wait = (int64_t)(load.begun + load.unsent) * 1000000 / load.rate - at;
        wait = wait < 1 ? 1 : wait > left ? left : wait;
    } else if (load.rate) {
        for (int i = 0; i < load.connections; i++) {
            struct connection *c = &load.list[i];
            if (c->idle)
                close(c->fd);
            c->fd = c->idle ? -1 : c->fd;
            c->idle = false;
        }
    }
    return (struct timespec){wait / 1000000, wait % 1000000 * 1000};
}

static void run(void)
{
    struct epoll_event events[256];
    int64_t last_us = load.stop_us + 30000000; /* answers under way may come as late as this */
    int open = 1;

    for (int i = 0; i < load.connections; i++) {
        load.list[i].fd = -1;
        if (!load.rate)
            connection_open(&load.list[i]);
    }
    while ((open || clock_us() < load.stop_us) && clock_us() < last_us) {
        const struct timespec wait = pace(clock_us());
        int n = epoll_pwait2(load.epoll, events, 256, &wait, NULL);
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

static void report(int64_t took_us)
{
    struct samples *all = &load.samples;
    double rate = (double)all->count * 1e6 / (double)took_us;
    double p50 = samples_ms(all, .5), p99 = samples_ms(all, .99), max = samples_ms(all, 1);

    printf("%-24s c=%-4d %9.0f/s  p50 %8.3f ms  p99 %8.3f ms  max %8.3f ms  errors %zu\n",
           load.name, load.connections, rate, p50, p99, max, load.errors);
    printf("{\"name\":\"%s\",\"c\":%d,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"count\":%zu,"
           "\"errors\":%zu",
           load.name, load.connections, rate, p50, p99, all->count, load.errors);
    if (load.rate) {
        printf(",\"unsent\":%zu,\"answers\":{", load.unsent);
        for (struct answers *a = load.statuses; a < load.statuses + load.status_count; a++)
            printf("%s\"%d\":{\"count\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
                   a == load.statuses ? "" : ",", a->status, a->samples.count,
                   samples_ms(&a->samples, .5), samples_ms(&a->samples, .99),
                   samples_ms(&a->samples, 1));
        printf("}");
    }
    printf("}\n");
}

/* @ in the body is the user's project. */
static void request_make(struct text *request, const struct user *u)
{
    cleanup(text_drop) struct text body = {0};

    for (const char *at = load.body; at && *at; at++) {
        if (*at == '@' && u)
            text_printf(&body, "%ld", u->project);
        else if (*at == '#')
            text_printf(&body, "#%0*d", NUMBER_DIGITS - 1, 0);
        else
            text_putc(&body, *at);
    }
    text_printf(request, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", load.method, load.path, load.host,
                load.headers.data ? (char *)load.headers.data : "");
    if (u)
        text_printf(request, "Authorization: Bearer %s\r\n", u->token);
    if (load.body)
        text_printf(request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                    body.size);
    text_printf(request, "\r\n%s", body.data ? (char *)body.data : "");
}

static void requests_make(void)
{
    load.request_count = load.user_count ? load.user_count : 1;
    for (size_t i = 0; i < load.request_count; i++)
        request_make(&load.requests[i], load.user_count ? &load.users[i] : NULL);
}

static void options_parse(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "c:d:r:s:n:m:H:b:u:t")) != -1) {
        switch (o) {
        case 'c':
            load.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'd':
            load.seconds = (int)strtol(optarg, NULL, 10);
            break;
        case 'r':
            load.rate = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            answers_of((int)strtol(optarg, NULL, 10))->expected = true;
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
        case 't':
            load.in_turn = true;
            break;
        case 'u':
            load.user_count = users_read(optarg, load.users);
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc - 2 || load.connections < 1 || load.connections > CONNECTIONS_MAX ||
        load.seconds < 1 || load.seconds > 600 || load.rate < 0 || load.rate > 100000) {
        fprintf(stderr, "usage: http [-c N] [-d SECONDS] [-r RATE] [-s STATUS]... [-n NAME] "
                        "[-m METHOD] [-H HEADER]... [-b BODY] [-u USERS [-t]] HOST:PORT PATH\n");
        exit(2);
    }
    load.host = argv[optind];
    load.to = load_address(load.host);
    load.path = argv[optind + 1];
}

int main(int argc, char **argv)
{
    int64_t began;

    options_parse(argc, argv);
    requests_make();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.epoll < 0)
        load_die("epoll");
    began = clock_us();
    load.stop_us = began + (int64_t)load.seconds * 1000000;
    run();
    report(clock_us() - began);
    samples_drop(&load.samples);
    for (size_t i = 0; i < load.status_count; i++)
        samples_drop(&load.statuses[i].samples);
    for (int i = 0; i < load.connections; i++)
        text_drop(&load.list[i].request);
    text_drop(&load.headers);
    for (size_t i = 0; i < load.request_count; i++)
        text_drop(&load.requests[i]);
    return load.errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
