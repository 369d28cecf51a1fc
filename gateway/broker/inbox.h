#pragma once
/*
 * What other threads ask of the broker's thread: a list that any thread adds to and only the owner
 * empties, and an eventfd that wakes the owner.  The eventfd is written only while the owner
 * sleeps, so that a loaded broker costs its callers no system call.
 */
#include <stdatomic.h>
#include <stdbool.h>

struct broker;

/* Embedded in what it is about; belongs to the broker's thread from inbox_push() to the end of
 * run(). */
struct command {
    struct command *next;
    void (*run)(struct broker *b, struct command *c);
};

struct inbox {
    _Atomic(struct command *) newest;
    atomic_bool asleep;
    int fd; /* readable: wake up */
};

/* DONE or a fault. */
int inbox_open(struct inbox *i) __attribute__((warn_unused_result));
void inbox_close(struct inbox *i);

/* Any thread.  Commands of one thread keep their order. */
void inbox_push(struct inbox *i, struct command *c);

/* The rest is for the owner.  Takes all commands, oldest first; NULL: none. */
struct command *inbox_take(struct inbox *i);
/* Before blocking on fd: true if nothing has come; after that the next push writes to fd. */
bool inbox_sleep(struct inbox *i);
/* After blocking; `written`: fd was readable. */
void inbox_wake(struct inbox *i, bool written);
