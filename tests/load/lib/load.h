#pragma once
/*
 * What the load clients share: loopback connections, users, samples.  Errors end the program.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* Latencies in microseconds. */
struct samples {
    int32_t *list;
    size_t count, room;
};

void samples_add(struct samples *s, int64_t us);
void samples_drop(struct samples *s);

/* Of all samples, sorted by this call; p is 0 to 1, the result in ms, 0 without samples. */
double samples_ms(struct samples *s, double p);

/* One account to ask as. */
struct user {
    char token[1024];
    long project;
};

#define USERS_MAX 1024

/* A file of lines `TOKEN PROJECT`.  Returns how many; ends the program when there are none. */
size_t users_read(const char *path, struct user *ret_users);

/* Numeric HOST:PORT on loopback. */
struct sockaddr_in load_address(const char *host_port);

/* A connected socket without Nagle's delay; blocking. */
int load_connect(const struct sockaddr_in *to);

/* Says what failed, with errno, and exits 1. */
_Noreturn void load_die(const char *what);
