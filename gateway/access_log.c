/* The access log. */
#include "gateway/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/log.h"
#include "gateway/http/http.h"
#include "proto/api.h"

#define LINE_SIZE    4096
#define TARGET_SHOWN 2048 /* of a line; the rest is cut */

struct access_log {
    char *path;
    int fd;
    pthread_mutex_t lock; /* of fd, against access_log_reopen() */
};

static int file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

int access_log_open(const char *path, struct access_log **ret)
{
    struct access_log *a;
    int fd;

    if (!*path)
        return DONE;
    fd = file_open(path);
    if (fd < 0)
        return FAULT("ACCESS_LOG=%s: %s", path, strerror(errno));
    a = calloc(1, sizeof *a);
    if (!a || !(a->path = strdup(path)))
        abort();
    a->fd = fd;
    pthread_mutex_init(&a->lock, NULL);
    *ret = a;
    return DONE;
}

void access_log_reopen(struct access_log *a)
{
    int fd = a ? file_open(a->path) : -1;

    if (!a)
        return;
    if (fd < 0) {
        log_line(LOG_LEVEL_WARN, "event=access_log path=%s error=%s", a->path, strerror(errno));
        return;
    }
    pthread_mutex_lock(&a->lock);
    close(a->fd);
    a->fd = fd;
    pthread_mutex_unlock(&a->lock);
}

void access_log_drop(struct access_log **ret)
{
    struct access_log *a = *ret;

    if (!a)
        return;
    close(a->fd);
    free(a->path);
    free(a);
    *ret = NULL;
}

/* Appends s with what would end a field as \xNN, at most max bytes of it. */
static void escaped(char *line, size_t *n, const char *s, size_t max)
{
    for (size_t i = 0; i < max && s[i] && *n + 5 < LINE_SIZE; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            *n += (size_t)snprintf(line + *n, LINE_SIZE - *n, "\\x%02X", c);
        else
            line[(*n)++] = (char)c;
    }
}

static void number(char *line, size_t *n, int64_t v, bool given)
{
    *n += (size_t)snprintf(line + *n, LINE_SIZE - *n, given ? "%" PRId64 : "-", v);
}

void access_log_write(struct access_log *a, const struct http_request *r, const char *address,
                      int64_t caller, int status, int64_t bytes)
{
    char line[LINE_SIZE + 64];
    const char *agent;
    time_t now = time(NULL);
    struct tm tm;
    size_t n;

    if (!a)
        return;
    agent = http_header(r, "User-Agent");
    n = (size_t)snprintf(line, LINE_SIZE, "%.64s - ", *address ? address : "-");
    number(line, &n, caller, caller > 0);
    gmtime_r(&now, &tm);
    n += strftime(line + n, LINE_SIZE - n, " [%d/%b/%Y:%H:%M:%S +0000] \"", &tm);
    escaped(line, &n, r->method, 16);
    line[n++] = ' ';
    escaped(line, &n, r->path ? r->path : "-", TARGET_SHOWN);
    n += (size_t)snprintf(line + n, LINE_SIZE - n, " HTTP/1.1\" %d ", status);
    number(line, &n, bytes, bytes >= 0);
    n += (size_t)snprintf(line + n, LINE_SIZE - n, " \"-\" \"");
    escaped(line, &n, agent ? agent : "-", 256);
    line[n++] = '"';
    line[n++] = '\n';
    pthread_mutex_lock(&a->lock);
    if (write(a->fd, line, n) < 0)
        n = 0; /* a full disk stops no reply */
    pthread_mutex_unlock(&a->lock);
}
