/* The gateway as a client of its own. */
#include "gateway/probe.h"

#include <arpa/inet.h>
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
#define STOP_MS  50 /* between looks whether to end */
#define WAIT_S   5  /* for the connection, and for the answer */

struct probe {
    struct sockaddr_in at;
    const struct http_server *http;
    pthread_t thread;
    atomic_bool stop;
};

/* Whether something that speaks HTTP answers. */
static bool is_answered(const struct probe *p)
{
    static const char request[] = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
                                  "X-Request-Id: probe\r\nConnection: close\r\n\r\n";
    const struct timeval wait = {.tv_sec = WAIT_S};
    cleanup(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char head[9] = "";

    return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
           connect(fd, (const struct sockaddr *)&p->at, sizeof p->at) == 0 &&
           send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1 &&
           recv(fd, head, sizeof head - 1, MSG_WAITALL) == sizeof head - 1 &&
           strcmp(head, "HTTP/1.1") == 0;
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
