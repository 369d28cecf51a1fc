#pragma once
/* The event loop: readiness, timers, and what waits for the end of a round. */
#include <stdbool.h>
#include <stdint.h>

/* Embedded in whoever owns a descriptor; ready() gets EPOLL* bits. */
struct watch {
    int fd;
    uint32_t events; /* what epoll was told; 0 before the first loop_watch() */
    void (*ready)(struct watch *watch, uint32_t events);
};

/* 0, or -1 with errno: no epoll or no signal descriptor.  SIGTERM and SIGINT end loop_run(). */
int loop_open(void);

/* Sets what the descriptor waits for.  Costs nothing when it did not change. */
void loop_watch(struct watch *watch, uint32_t events);

/*
 * Runs until a signal; `round_end` is called after the events and timers of each round, so that
 * a round's output leaves in one write for each connection.  It returns true when there is more
 * to do at once.  0, or -1 with errno.
 */
int loop_run(bool (*round_end)(void));
void loop_close(void);
