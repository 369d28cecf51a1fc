/* The gateway as a client of its own. */
#include "gateway/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "common/pulse.h"
#include "gateway/http/http.h"
#include "proto/api.h"

#define EVERY_MS 2000
#define STOP_MS  50   /* between looks whether to end */
#define WAIT_MS  5000 /* for the connection, and for each part of the answer */

struct probe {
    struct sockaddr_in at;
    const struct http_server *http;
    pthread_t thread;
    atomic_bool stop;
};

/* Whether the socket gets ready for that in time, and nobody wants us to end. */
static bool is_ready(const struct probe *p, int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    int ready = 0;

    for (int ms = 0; ms < WAIT_MS && ready == 0 && !atomic_load(&p->stop); ms += STOP_MS)
        ready = poll(&one, 1, STOP_MS);
    return ready > 0;
}

/* Whether something that speaks HTTP answers. */
static bool is_answered(const struct probe *p)
{
    static const char request[] = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
                                  "X-Request-Id: probe\r\nConnection: close\r\n\r\n";
    cleanup(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char head[9] = "";
    size_t got = 0;
    ssize_t n;

    if (fd < 0 ||
        (connect(fd, (const struct sockaddr *)&p->at, sizeof p->at) != 0 && errno != EINPROGRESS))
        return false;
    if (!is_ready(p, fd, POLLOUT) ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1)
        return false;
    while (got < sizeof head - 1 && is_ready(p, fd, POLLIN)) {
        n = recv(fd, head + got, sizeof head - 1 - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return strcmp(head, "HTTP/1.1") == 0;
}

static void *probe_run(void *state)
{
    struct probe *p = state;
    const struct timespec pause = {.tv_nsec = STOP_MS * 1000000L};

    pulse_begin(PULSE_WORK, "http", 0);
    while (!atomic_load(&p->stop)) {
        if (http_paused(p->http) || is_answered(p))
            pulse_beat(NULL);
        for (int ms = 0; ms < EVERY_MS && !atomic_load(&p->stop); ms += STOP_MS)
            nanosleep(&pause, NULL);
    }
    pulse_end();
    return NULL;
}

int probe_start(const char *listen, int port, const struct http_server *http, struct probe **ret)
{
    struct probe *p = calloc(1, sizeof *p);
    sigset_t all, before;
    int error;

    if (!p)
        abort();
    p->http = http;
    p->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, listen, &p->at.sin_addr) != 1 || p->at.sin_addr.s_addr == INADDR_ANY)
        p->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sigfillset(&all); /* signals are for the program's main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&p->thread, NULL, probe_run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(p);
        return FAULT("no thread for the probe: %s", strerror(error));
    }
    *ret = p;
    return DONE;
}

void probe_drop(struct probe **probe)
{
    struct probe *p = *probe;

    if (!p)
        return;
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    free(p);
    *probe = NULL;
}
