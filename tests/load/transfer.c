/*
 * Uploads or downloads from one thread, one after the other on each of C connections, as fast as
 * they go or at a given pace.  Prints how many and how fast, as a line for people and a line of
 * JSON.
 *
 *   transfer [-c CONNECTIONS] [-d SECONDS] [-s MIB] [-l MIB/S each] [-n NAME] -m upload|download
 *            -t TOKEN HOST:PORT PATH
 *
 * PATH: /projects/ID/files to upload to, /projects/files/ID/content to download.  What is under way
 * at the end is broken off.  Loopback only.  Exit 1 when any answer was not 2xx.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/text.h"
#include "tests/load/lib/load.h"

#define CONNECTIONS_MAX 256
#define BLOCK           (1 << 18) /* of the content, which repeats it */
#define BOUNDARY        "load-of-bytes"
#define PAUSE_MS        5 /* between looks at the pace */

static const char form_head[] = "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; "
                                "filename=\"load.bin\"\r\n\r\n";
static const char form_tail[] = "\r\n--" BOUNDARY "--\r\n";

struct connection {
    int fd;
    int64_t began_us;
    size_t sent, got; /* of the request; of the reply's body */
    size_t length;    /* of the reply's body, once its head is whole */
    bool head_is_whole;
    struct text reply;
};

static struct {
    const char *name, *path, *host, *token;
    struct sockaddr_in to;
    bool upload;
    int connections, seconds, epoll;
    size_t size; /* bytes of a file */
    double pace; /* bytes per second and connection; 0: as fast as it goes */
    struct text head;
    size_t whole, wrong;
    int64_t bytes;
    char block[BLOCK], rest[BLOCK];
    struct connection list[CONNECTIONS_MAX];
} load = {.name = "transfer", .connections = 1, .seconds = 5, .size = 100 << 20};

static void head_make(void)
{
    text_printf(&load.head, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n",
                load.upload ? "POST" : "GET", load.path, load.host, load.token);
    if (load.upload)
        text_printf(&load.head,
                    "Content-Type: multipart/form-data; boundary=" BOUNDARY
                    "\r\nContent-Length: %zu\r\n",
                    sizeof form_head - 1 + load.size + sizeof form_tail - 1);
    text_puts(&load.head, "\r\n");
    if (load.upload)
        text_puts(&load.head, form_head);
}

static void connection_open(struct connection *c)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};

    c->fd = load_connect(&load.to);
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e))
        load_die("epoll_ctl");
}

static void request_begin(struct connection *c)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};

    c->began_us = clock_us();
    c->sent = c->got = c->length = 0;
    c->head_is_whole = false;
    text_clear(&c->reply);
    epoll_ctl(load.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* How many bytes may have moved by now. */
static size_t allowed(const struct connection *c)
{
    double seconds = (double)(clock_us() - c->began_us) / 1e6;

    return load.pace > 0 ? 65536 + (size_t)(seconds * load.pace) : SIZE_MAX;
}

/* The request's bytes from `at` on, as many as lie together. */
static const char *part_at(size_t at, size_t *ret_size)
{
    size_t content = load.head.size, tail = content + load.size;

    if (at < content || !load.upload) {
        *ret_size = load.head.size - at;
        return load.head.data + at;
    }
    if (at >= tail) {
        *ret_size = tail + sizeof form_tail - 1 - at;
        return form_tail + (at - tail);
    }
    at -= content;
    *ret_size = BLOCK - at % BLOCK;
    if (*ret_size > load.size - at)
        *ret_size = load.size - at;
    return load.block + at % BLOCK;
}

static size_t request_size(void)
{
    return load.head.size + (load.upload ? load.size + sizeof form_tail - 1 : 0);
}

static void request_send(struct connection *c)
{
    while (c->sent < request_size() && (!load.upload || c->sent < allowed(c))) {
        size_t n;
        const char *data = part_at(c->sent, &n);
        ssize_t sent = send(c->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        c->sent += (size_t)sent;
        if (load.upload)
            load.bytes += sent;
    }
    if (c->sent == request_size()) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(load.epoll, EPOLL_CTL_MOD, c->fd, &e);
    }
}

static void reply_end(struct connection *c)
{
    bool good = strncmp(c->reply.data, "HTTP/1.1 2", 10) == 0;

    if (!good && load.wrong++ < 3)
        fprintf(stderr, "transfer: %s: %.300s\n", load.name, c->reply.data);
    load.whole += good;
    request_begin(c);
}

static bool head_take(struct connection *c)
{
    const char *end = strstr(c->reply.data, "\r\n\r\n"), *length;

    if (!end)
        return false;
    length = strcasestr(c->reply.data, "\r\nContent-Length:");
    c->length = length && length < end ? strtoull(length + 17, NULL, 10) : 0;
    c->got = c->reply.size - (size_t)(end + 4 - c->reply.data);
    c->head_is_whole = true;
    return true;
}

static void broken(struct connection *c)
{
    if (load.wrong++ < 3)
        fprintf(stderr, "transfer: %s: the connection broke\n", load.name);
    close(c->fd);
    connection_open(c);
    request_begin(c);
}

static void reply_read(struct connection *c)
{
    ssize_t n = recv(c->fd, load.rest, sizeof load.rest, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        broken(c);
        return;
    }
    if (!load.upload)
        load.bytes += n;
    if (c->head_is_whole)
        c->got += (size_t)n;
    else
        text_add(&c->reply, load.rest, (size_t)n);
    if ((c->head_is_whole || head_take(c)) && c->got >= c->length)
        reply_end(c);
}

static void loop_run(void)
{
    int64_t stop_us = clock_us() + load.seconds * INT64_C(1000000);

    while (clock_us() < stop_us) {
        struct epoll_event events[64];
        int n = epoll_wait(load.epoll, events, 64, PAUSE_MS);
        bool idle = load.pace > 0;
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            size_t before = c->sent + c->got;
            if (events[i].events & EPOLLOUT)
                request_send(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) &&
                (load.upload || c->got < allowed(c)))
                reply_read(c);
            idle &= c->sent + c->got == before;
        }
        if (idle)
            usleep(PAUSE_MS * 1000);
    }
}

static void figures_print(double seconds)
{
    double rate = (double)load.bytes / seconds / (1 << 20);

    printf("%-20s c=%-4d %8.1f MiB/s %6zu whole %zu wrong\n", load.name, load.connections, rate,
           load.whole, load.wrong);
    printf("{\"name\":\"%s\",\"c\":%d,\"seconds\":%.2f,\"mib_per_s\":%.2f,\"whole\":%zu,"
           "\"wrong\":%zu}\n",
           load.name, load.connections, seconds, rate, load.whole, load.wrong);
}

static void arguments_read(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "c:d:s:l:n:m:t:")) != -1) {
        switch (option) {
        case 'c':
            load.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'd':
            load.seconds = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            load.size = strtoul(optarg, NULL, 10) << 20;
            break;
        case 'l':
            load.pace = strtod(optarg, NULL) * (1 << 20);
            break;
        case 'n':
            load.name = optarg;
            break;
        case 'm':
            load.upload = strcmp(optarg, "upload") == 0;
            break;
        case 't':
            load.token = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 2 || !load.token || load.connections < 1 ||
        load.connections > CONNECTIONS_MAX)
        exit(2);
    load.host = argv[optind];
    load.path = argv[optind + 1];
    load.to = load_address(load.host);
}

int main(int argc, char **argv)
{
    int64_t began_us = clock_us();

    arguments_read(argc, argv);
    for (size_t i = 0; i < BLOCK; i++)
        load.block[i] = (char)(i * 2654435761u >> 13);
    head_make();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < load.connections; i++) {
        connection_open(&load.list[i]);
        request_begin(&load.list[i]);
    }
    loop_run();
    figures_print((double)(clock_us() - began_us) / 1e6);
    return load.wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
