/* The list of commands from other threads, without a lock: many add, one takes all. */
#include "gateway/broker/inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "proto/api.h"

int inbox_open(struct inbox *i)
{
    atomic_init(&i->newest, NULL);
    atomic_init(&i->asleep, false);
    i->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return i->fd < 0 ? FAULT("eventfd: %s", strerror(errno)) : DONE;
}

void inbox_close(struct inbox *i)
{
    fd_drop(&i->fd);
}

void inbox_push(struct inbox *i, struct command *c)
{
    struct command *head = atomic_load(&i->newest);

    do
        c->next = head;
    while (!atomic_compare_exchange_weak(&i->newest, &head, c));
    if (atomic_exchange(&i->asleep, false))
        eventfd_write(i->fd, 1);
}

struct command *inbox_take(struct inbox *i)
{
    struct command *c, *next, *oldest = NULL;

    if (!atomic_load(&i->newest))
        return NULL;
    for (c = atomic_exchange(&i->newest, NULL); c; c = next) {
        next = c->next;
        c->next = oldest;
        oldest = c;
    }
    return oldest;
}

bool inbox_sleep(struct inbox *i)
{
    atomic_store(&i->asleep, true);
    if (!atomic_load(&i->newest))
        return true;
    atomic_store(&i->asleep, false);
    return false;
}

void inbox_wake(struct inbox *i, bool written)
{
    eventfd_t n;

    atomic_store(&i->asleep, false);
    if (written)
        eventfd_read(i->fd, &n);
}
