/* The listening descriptor that civetweb opened, and descriptors in general. */
#include "gateway/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/fault.h"
#include "proto/api.h"

#define DEFER_SECONDS 5
#define PROBE_MAX     16
#define LOOK_MS       5 /* for civetweb's acceptor to wake up */

static bool listens_on(int fd, int port)
{
    struct sockaddr_in a = {0};
    socklen_t size = sizeof a, int_size = sizeof(int);
    int listening = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_size) == 0 && listening &&
           getsockname(fd, (struct sockaddr *)&a, &size) == 0 && a.sin_family == AF_INET &&
           ntohs(a.sin_port) == port;
}

int listener_find(int port, int limit, struct listener *ret)
{
    int seconds = DEFER_SECONDS;

    for (int fd = 0; fd < limit && ret->fd < 0; fd++)
        if (listens_on(fd, port))
            ret->fd = fd;
    if (ret->fd < 0)
        return FAULT("no socket listens on port %d", port);
    if (setsockopt(ret->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) != 0)
        return FAULT("TCP_DEFER_ACCEPT: %s", strerror(errno));
    ret->saved = fcntl(ret->fd, F_DUPFD_CLOEXEC, 0);
    ret->dummy = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ret->saved < 0 || ret->dummy < 0)
        return FAULT("no descriptor left: %s", strerror(errno));
    return DONE;
}

void listener_init(struct listener *l)
{
    *l = (struct listener){.fd = -1, .saved = -1, .dummy = -1};
    pthread_mutex_init(&l->lock, NULL);
}

/*
 * A poll(2) sleeps on the file that it was called for, keeps it alive, and when woken looks at what
 * the descriptor is by then.  So whoever is to notice a change must be woken by the old file, and
 * find the new one ready, or it sleeps on for its two seconds.
 */

void listener_pause(struct listener *l)
{
    pthread_mutex_lock(&l->lock);
    if (!l->paused && !l->closed && l->fd >= 0 && dup3(l->dummy, l->fd, O_CLOEXEC) >= 0)
        l->paused = true;
    pthread_mutex_unlock(&l->lock);
}

void listener_resume(struct listener *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->paused && !l->closed && dup3(l->saved, l->fd, O_CLOEXEC) >= 0) {
        l->paused = false;
        eventfd_write(l->dummy, 1);
        eventfd_read(l->dummy, &(eventfd_t){0});
    }
    pthread_mutex_unlock(&l->lock);
}

void listener_close(struct listener *l)
{
    listener_pause(l);
    pthread_mutex_lock(&l->lock);
    if (!l->closed && l->fd >= 0) {
        eventfd_write(l->dummy, 1);
        shutdown(l->saved, SHUT_RDWR);
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        eventfd_read(l->dummy, &(eventfd_t){0});
        close(l->saved);
        close(l->dummy);
    }
    l->closed = true;
    pthread_mutex_unlock(&l->lock);
}

void listener_wake(struct listener *l)
{
    if (l->paused)
        eventfd_write(l->fd, 1);
}

int descriptors_raise(int needed)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return FAULT("getrlimit: %s", strerror(errno));
    if (r.rlim_cur >= (rlim_t)needed)
        return DONE;
    if (r.rlim_max < (rlim_t)needed)
        return FAULT("HTTP_THREADS needs %d descriptors, the limit is %llu: raise LimitNOFILE or "
                     "lower HTTP_THREADS",
                     needed, (unsigned long long)r.rlim_max);
    r.rlim_cur = (rlim_t)needed;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0)
        return FAULT("setrlimit: %s", strerror(errno));
    return DONE;
}

bool descriptors_left(int n)
{
    int fds[PROBE_MAX], got = 0;

    if (n > PROBE_MAX)
        n = PROBE_MAX;
    while (got < n && (fds[got] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
        got++;
    for (int i = 0; i < got; i++)
        close(fds[i]);
    return got == n;
}
