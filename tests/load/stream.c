/*
 * Event streams from one thread: opens C of them, reads each to its end, and checks every byte: the
 * text has to be the scripted provider's filler ("00000 00001 ..."), once and in order.  Prints
 * rates and times, as a line for people and a line of JSON.
 *
 *   stream [-c STREAMS] [-r RAMP MS] [-k DELTAS] [-w SECONDS] [-n NAME] [-u USERS | -t TOKEN]
 *          -b BODY HOST:PORT PATH
 *
 * A path of the provider (/v1/responses) is read in its words, any other in the platform's.
 * USERS as in http.  Loopback only.  Exit 1 when any stream was not whole.
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

#define STREAMS_MAX   4096
#define LINE_MAX_SIZE (1 << 20)
#define FILLER        6 /* bytes of one delta */

/* Where we are in a body that comes in chunks (RFC 9112, 7.1). */
enum chunk { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_NONE };

struct stream {
    int fd;
    int64_t began_us, last_us; /* last delta; 0: none yet */
    bool in_body, whole, failed;
    enum chunk chunk;
    size_t chunk_left;
    size_t offset; /* bytes of text so far */
    uint64_t id;   /* of the last event */
    struct text line;
    char event[64];
};

static struct {
    const char *name, *body, *path, *host;
    struct sockaddr_in to;
    struct user users[USERS_MAX];
    size_t user_count;
    int streams, ramp_ms, wait_s, epoll, open;
    size_t deltas;
    const char *delta_event, *delta_member, *end_event;
    bool has_ids;
    struct samples first, gap, whole_us;
    size_t frames, text_bytes, wrong, failed, whole;
    struct stream list[STREAMS_MAX];
} load = {.name = "stream", .streams = 1, .wait_s = 60, .deltas = 50};

static void stream_close(struct stream *s)
{
    close(s->fd);
    s->fd = -1;
    load.open--;
    if (s->whole && s->offset == load.deltas * FILLER && !s->failed) {
        load.whole++;
        samples_add(&load.whole_us, clock_us() - s->began_us);
    } else {
        load.failed++;
    }
    text_drop(&s->line);
}

static void stream_wrong(struct stream *s, const char *what)
{
    if (!s->failed && load.wrong++ < 5)
        fprintf(stderr, "stream: %s: %s at byte %zu: %.300s\n", load.name, what, s->offset,
                s->line.data ? s->line.data : "");
    s->failed = true;
}

/* "00017 " and so on, from the stream's offset. */
static char filler_at(size_t at)
{
    char digits[16];

    if (at % FILLER == FILLER - 1)
        return ' ';
    snprintf(digits, sizeof digits, "%05zu", at / FILLER % 100000);
    return digits[at % FILLER];
}

static void delta_take(struct stream *s, const char *data, int64_t now)
{
    const char *at = strstr(data, load.delta_member);

    if (!at) {
        stream_wrong(s, "a delta without text");
        return;
    }
    for (at += strlen(load.delta_member); *at && *at != '"'; at++) {
        if (*at != filler_at(s->offset)) {
            stream_wrong(s, "text twice, lost or in another order");
            return;
        }
        s->offset++;
        load.text_bytes++;
    }
    if (load.has_ids && (uint32_t)s->id != s->offset)
        stream_wrong(s, "an id that is not the text's length");
    load.frames++;
    if (s->last_us)
        samples_add(&load.gap, now - s->last_us);
    else
        samples_add(&load.first, now - s->began_us);
    s->last_us = now;
}

static void line_take(struct stream *s, int64_t now)
{
    const char *line = s->line.data ? s->line.data : "";

    if (strncmp(line, "id: ", 4) == 0) {
        s->id = strtoull(line + 4, NULL, 10);
    } else if (strncmp(line, "event: ", 7) == 0) {
        snprintf(s->event, sizeof s->event, "%s", line + 7);
    } else if (strncmp(line, "data: ", 6) == 0) {
        if (strcmp(s->event, load.delta_event) == 0)
            delta_take(s, line + 6, now);
        else if (strcmp(s->event, load.end_event) == 0)
            s->whole = true;
        else if (strcmp(s->event, "failed") == 0 || strcmp(s->event, "restarted") == 0)
            stream_wrong(s, s->event);
    }
}

static void body_take(struct stream *s, const char *data, size_t n, int64_t now)
{
    while (n && s->fd >= 0) {
        const char *end = memchr(data, '\n', n);
        size_t part = end ? (size_t)(end - data) : n;
        text_add(&s->line, data, part);
        if (end) {
            line_take(s, now);
            text_clear(&s->line);
            part++;
        } else if (s->line.size > LINE_MAX_SIZE) {
            stream_wrong(s, "a line without end");
            return;
        }
        data += part;
        n -= part;
    }
}

/* Takes the chunks apart; their size lines and ends are short and come in s->event's shadow. */
static void chunks_take(struct stream *s, const char *data, size_t n, int64_t now)
{
    while (n) {
        if (s->chunk == CHUNK_NONE || s->chunk == CHUNK_DATA) {
            size_t part = s->chunk == CHUNK_DATA && s->chunk_left < n ? s->chunk_left : n;
            body_take(s, data, part, now);
            data += part;
            n -= part;
            if (s->chunk == CHUNK_DATA && !(s->chunk_left -= part))
                s->chunk = CHUNK_END;
            continue;
        }
        if (*data == '\n') {
            s->chunk = s->chunk == CHUNK_END ? CHUNK_SIZE : s->chunk_left ? CHUNK_DATA : CHUNK_END;
        } else if (s->chunk == CHUNK_SIZE && *data != '\r') {
            int digit = *data <= '9' ? *data - '0' : (*data | 32) - 'a' + 10;
            s->chunk_left = s->chunk_left * 16 + (size_t)(digit & 15);
        }
        data++;
        n--;
    }
}

/* The head, once it is whole; what is behind it is body. */
static void head_take(struct stream *s, const char *data, size_t n, int64_t now)
{
    const char *end;
    size_t before = s->line.size;

    text_add(&s->line, data, n);
    end = strstr(s->line.data, "\r\n\r\n");
    if (!end)
        return;
    if (strncmp(s->line.data, "HTTP/1.1 200", 12) != 0)
        stream_wrong(s, "not 200");
    s->chunk = strcasestr(s->line.data, "\r\nTransfer-Encoding: chunked") ? CHUNK_SIZE : CHUNK_NONE;
    s->in_body = true;
    data += (size_t)(end + 4 - s->line.data) - before;
    n -= (size_t)(end + 4 - s->line.data) - before;
    text_clear(&s->line);
    chunks_take(s, data, n, now);
}

static void stream_read(struct stream *s)
{
    char data[65536];

    while (s->fd >= 0) {
        ssize_t n = recv(s->fd, data, sizeof data, MSG_DONTWAIT);
        int64_t now = clock_us();
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            stream_close(s);
            return;
        }
        if (s->in_body)
            chunks_take(s, data, (size_t)n, now);
        else
            head_take(s, data, (size_t)n, now);
        if (s->whole || s->failed)
            stream_close(s);
    }
}

/* @ in the body is the user's project. */
static void request_make(struct text *request, const struct user *u)
{
    cleanup(text_drop) struct text body = {0};

    for (const char *at = load.body; *at; at++) {
        if (*at == '@' && u)
            text_printf(&body, "%ld", u->project);
        else
            text_putc(&body, *at);
    }
    text_printf(request,
                "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\n",
                load.path, load.host, body.size);
    if (u)
        text_printf(request, "Authorization: Bearer %s\r\n", u->token);
    text_printf(request, "\r\n%s", body.data);
}

static void stream_open(struct stream *s, size_t n)
{
    cleanup(text_drop) struct text request = {0};
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = s};

    request_make(&request, load.user_count ? &load.users[n % load.user_count] : NULL);
    *s = (struct stream){.fd = load_connect(&load.to)};
    s->began_us = clock_us();
    if (send(s->fd, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
        load_die("send");
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, s->fd, &e))
        load_die("epoll_ctl");
    load.open++;
}

/* Opens the streams one after the other over the ramp, and reads until all have ended. */
static void run(void)
{
    int64_t began = clock_us(), end_us = began + (int64_t)load.wait_s * 1000000;
    struct epoll_event events[512];
    int opened = 0;

    while ((opened < load.streams || load.open) && clock_us() < end_us) {
        int64_t passed = (clock_us() - began) / 1000;
        int n, due = load.ramp_ms ? (int)(passed * load.streams / load.ramp_ms) + 1 : load.streams;
        for (due = due < load.streams ? due : load.streams; opened < due; opened++)
            stream_open(&load.list[opened], (size_t)opened);
        n = epoll_wait(load.epoll, events, 512, opened < load.streams ? 1 : 100);
        for (int i = 0; i < n; i++)
            stream_read(events[i].data.ptr);
    }
    for (int i = 0; i < opened; i++)
        if (load.list[i].fd >= 0)
            stream_close(&load.list[i]);
}

static void report(int64_t took_us)
{
    double rate = (double)load.text_bytes / FILLER * 1e6 / (double)took_us;

    printf("%-24s c=%-4d whole %zu of %d  %8.0f deltas/s in %.0f frames/s  first p50 %.2f p99 %.2f "
           "ms  gap p50 %.2f p99 %.2f max %.2f ms  wrong %zu\n",
           load.name, load.streams, load.whole, load.streams, rate,
           (double)load.frames * 1e6 / (double)took_us, samples_ms(&load.first, .5),
           samples_ms(&load.first, .99), samples_ms(&load.gap, .5), samples_ms(&load.gap, .99),
           samples_ms(&load.gap, 1), load.wrong);
    printf("{\"name\":\"%s\",\"c\":%d,\"whole\":%zu,\"failed\":%zu,\"wrong\":%zu,\"rate\":%.1f,"
           "\"frames\":%zu,\"first_p50_ms\":%.3f,\"first_p99_ms\":%.3f,\"gap_p50_ms\":%.3f,"
           "\"gap_p99_ms\":%.3f,\"gap_max_ms\":%.3f,\"whole_p50_ms\":%.1f}\n",
           load.name, load.streams, load.whole, load.failed, load.wrong, rate, load.frames,
           samples_ms(&load.first, .5), samples_ms(&load.first, .99), samples_ms(&load.gap, .5),
           samples_ms(&load.gap, .99), samples_ms(&load.gap, 1), samples_ms(&load.whole_us, .5));
}

/* The words of whom we ask. */
static void words_choose(void)
{
    bool provider = strncmp(load.path, "/v1/", 4) == 0;

    load.delta_event = provider ? "response.output_text.delta" : "delta";
    load.delta_member = provider ? "\"delta\":\"" : "\"text\":\"";
    load.end_event = provider ? "response.completed" : "completed";
    load.has_ids = !provider;
}

static void options_parse(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "c:r:k:w:n:u:t:b:")) != -1) {
        switch (o) {
        case 'c':
            load.streams = (int)strtol(optarg, NULL, 10);
            break;
        case 'r':
            load.ramp_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'k':
            load.deltas = strtoul(optarg, NULL, 10);
            break;
        case 'w':
            load.wait_s = (int)strtol(optarg, NULL, 10);
            break;
        case 'n':
            load.name = optarg;
            break;
        case 'u':
            load.user_count = users_read(optarg, load.users);
            break;
        case 't':
            load.user_count = 1;
            snprintf(load.users[0].token, sizeof load.users[0].token, "%s", optarg);
            break;
        case 'b':
            load.body = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc - 2 || !load.body || load.streams < 1 || load.streams > STREAMS_MAX ||
        load.wait_s < 1 || load.wait_s > 3600) {
        fprintf(stderr, "usage: stream [-c N] [-r RAMP MS] [-k DELTAS] [-w SECONDS] [-n NAME] "
                        "[-u USERS | -t TOKEN] -b BODY HOST:PORT PATH\n");
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
    words_choose();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.epoll < 0)
        load_die("epoll");
    began = clock_us();
    run();
    report(clock_us() - began);
    samples_drop(&load.first);
    samples_drop(&load.gap);
    samples_drop(&load.whole_us);
    return load.whole == (size_t)load.streams ? EXIT_SUCCESS : EXIT_FAILURE;
}
