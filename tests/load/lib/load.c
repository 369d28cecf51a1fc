/* Connections, users and samples of the load clients. */
#include "tests/load/lib/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAMPLES_MAX (64u << 20)

void load_die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

void samples_add(struct samples *s, int64_t us)
{
    if (s->count == s->room) {
        if (s->room >= SAMPLES_MAX)
            return;
        s->room = s->room ? s->room * 2 : 65536;
        s->list = realloc(s->list, s->room * sizeof *s->list);
        if (!s->list)
            load_die("memory");
    }
    s->list[s->count++] = us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

void samples_drop(struct samples *s)
{
    free(s->list);
    *s = (struct samples){0};
}

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

double samples_ms(struct samples *s, double p)
{
    if (!s->count)
        return 0;
    qsort(s->list, s->count, sizeof *s->list, by_size);
    return s->list[(size_t)(p * (double)(s->count - 1))] / 1000.0;
}

size_t users_read(const char *path, struct user *ret_users)
{
    FILE *file = fopen(path, "re");
    size_t n = 0;

    if (!file)
        load_die(path);
    while (n < USERS_MAX &&
           fscanf(file, "%1023s %ld", ret_users[n].token, &ret_users[n].project) == 2)
        n++;
    fclose(file);
    if (!n) {
        fprintf(stderr, "load: %s: no lines `TOKEN PROJECT`\n", path);
        exit(EXIT_FAILURE);
    }
    return n;
}

struct sockaddr_in load_address(const char *host_port)
{
    char host[64] = "";
    const char *colon = strrchr(host_port, ':');
    struct sockaddr_in to = {.sin_family = AF_INET};

    if (colon && (size_t)(colon - host_port) < sizeof host) {
        memcpy(host, host_port, (size_t)(colon - host_port));
        to.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    }
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1 || ntohl(to.sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr, "load: HOST:PORT on loopback needed\n");
        exit(2);
    }
    return to;
}

int load_connect(const struct sockaddr_in *to)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to))
        load_die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}
