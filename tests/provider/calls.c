/* The table of recent calls: a ring by id, bounded in number and in bytes of text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "call.h"

struct call_counts call_counts;

static struct {
    struct call *ring[CALL_RECENT];
    uint64_t first, last; /* ids; first may already be empty */
    size_t bytes;
    struct call *running;
    uint64_t salt;
    FILE *log;
} table = {.first = 1};

static size_t text_size(const struct call *call)
{
    const struct question *q = &call->question;

    return strlen(q->last) + strlen(q->system) + call->answer.whole +
           (q->instructions ? strlen(q->instructions) : 0) +
           (q->metadata ? strlen(q->metadata) : 0);
}

static void table_evict(uint64_t id)
{
    struct call **slot = &table.ring[id % CALL_RECENT];

    if (!*slot || (*slot)->id != id)
        return;
    if (call_detached(*slot))
        call_cancel(*slot);
    (*slot)->listed = false;
    table.bytes -= text_size(*slot);
    call_drop(slot);
}

void calls_add(struct call *call)
{
    if (!table.salt && getrandom(&table.salt, sizeof table.salt, 0) != sizeof table.salt)
        abort();
    call->id = ++table.last;
    snprintf(call->key, sizeof call->key, "%016llx%016llx", (unsigned long long)call->id,
             (unsigned long long)table.salt);
    table.bytes += text_size(call);
    while (table.first < call->id &&
           (table.bytes > CALL_RECENT_BYTES || call->id - table.first >= CALL_RECENT))
        table_evict(table.first++);
    table.ring[call->id % CALL_RECENT] = call;
    call->listed = true;
    call->references++;
    call->next = table.running;
    if (table.running)
        table.running->previous = call;
    table.running = call;
    call_counts.total++;
    call_counts.running++;
}

struct call *calls_get(uint64_t id)
{
    struct call *call = table.ring[id % CALL_RECENT];

    return call && call->id == id ? call : NULL;
}

struct call *calls_find(const char *key)
{
    char number[17] = {0};
    struct call *call;

    if (strlen(key) != CALL_KEY)
        return NULL;
    memcpy(number, key, 16);
    call = calls_get(strtoull(number, NULL, 16));
    return call && !strcmp(call->key, key) ? call : NULL;
}

uint64_t calls_first(void)
{
    return table.first;
}

uint64_t calls_last(void)
{
    return table.last;
}

struct call *calls_running(void)
{
    return table.running;
}

static void log_call(const struct call *call)
{
    static const char *const outcomes[] = {"running", "completed", "client_closed",
                                           "cut",     "error",     "cancelled"};

    fprintf(table.log, "call=%llu endpoint=%s status=%d outcome=%s deltas=%u bytes=%llu ms=%llu\n",
            (unsigned long long)call->id, call->dialect->endpoint, call->status,
            outcomes[call->outcome], call->done, (unsigned long long)call->bytes,
            (unsigned long long)(call->ended_us - call->started_us) / 1000);
}

void calls_settled(struct call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        table.running = call->next;
    if (call->next)
        call->next->previous = call->previous;
    call->previous = call->next = NULL;
    call_counts.running--;
    if (table.log)
        log_call(call);
}

/* Finished calls are forgotten; ids go on, so that `?after=` stays true. */
void calls_reset(void)
{
    for (; table.first <= table.last; table.first++)
        table_evict(table.first);
    call_counts.total = call_counts.running;
    call_counts.closed_by_client = 0;
}

void calls_log(const char *path)
{
    if (table.log)
        fclose(table.log);
    table.log = path ? fopen(path, "ae") : NULL;
    if (table.log)
        setvbuf(table.log, NULL, _IOLBF, 0);
    else if (path)
        fprintf(stderr, "<4>provider: cannot write the log %s\n", path);
}
