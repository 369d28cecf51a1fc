/* Pulses of the process' threads, and who has none. */
#include "common/pulse.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/hang.h"
#include "common/log.h"

#define LOOP_SILENCE_US 10000000 /* a busy disk may hold a line of the log for seconds */
#define WORK_SILENCE_US 60000000

struct pulse {
    atomic_bool used;
    enum pulse_kind kind;
    char name[PULSE_NAME_SIZE];
    atomic_int_fast64_t beat_us; /* clock_us(); 0: it waits */
    _Atomic(const char *) what;
    bool told; /* that it hangs; of pulse_check() */
};

static struct pulse pulses[PULSES_MAX];
static atomic_int_fast64_t work_silence_us = WORK_SILENCE_US;
static _Thread_local struct pulse *mine;

void pulse_begin(enum pulse_kind kind, const char *name, int number)
{
    char shown[16]; /* as much as the kernel keeps */
    bool free = false;

    assert(!mine);
    for (int i = 0; i < PULSES_MAX && !mine; i++, free = false)
        if (atomic_compare_exchange_strong(&pulses[i].used, &free, true))
            mine = &pulses[i];
    assert(mine);
    mine->kind = kind;
    if (number)
        snprintf(mine->name, sizeof mine->name, "%s-%d", name, number);
    else
        snprintf(mine->name, sizeof mine->name, "%s", name);
    snprintf(shown, sizeof shown, "%.15s", mine->name);
    pthread_setname_np(pthread_self(), shown);
    pulse_beat(NULL);
}

void pulse_end(void)
{
    if (!mine)
        return;
    pulse_rest();
    atomic_store(&mine->used, false);
    mine = NULL;
}

void pulse_beat(const char *what)
{
    if (!mine)
        return;
    atomic_store_explicit(&mine->what, what, memory_order_relaxed);
    atomic_store_explicit(&mine->beat_us, clock_us(), memory_order_release);
    hang_if_told(mine->name);
}

void pulse_rest(void)
{
    if (mine)
        atomic_store_explicit(&mine->beat_us, 0, memory_order_release);
}

bool pulse_wait_begin(void)
{
    bool waits = mine && !atomic_load_explicit(&mine->beat_us, memory_order_relaxed);

    pulse_rest();
    return waits;
}

void pulse_wait_end(bool was_waiting)
{
    if (mine && !was_waiting)
        atomic_store_explicit(&mine->beat_us, clock_us(), memory_order_release);
}

void pulse_watchdog(uint64_t watchdog_us)
{
    if (watchdog_us)
        atomic_store(&work_silence_us, (int64_t)watchdog_us * 3);
}

static void tell(struct pulse *p, bool hangs, int64_t silence_us)
{
    const char *what = atomic_load(&p->what);

    if (hangs == p->told)
        return;
    p->told = hangs;
    log_line(hangs ? LOG_LEVEL_ERR : LOG_LEVEL_NOTICE,
             "event=%s thread=%s at=%s silent_ms=%" PRId64, hangs ? "hung" : "hung_no_more",
             p->name, what ? what : "-", silence_us / 1000);
}

bool pulse_check(void)
{
    int64_t now = clock_us();
    bool good = true;

    for (int i = 0; i < PULSES_MAX; i++) {
        struct pulse *p = &pulses[i];
        int64_t beat = atomic_load_explicit(&p->beat_us, memory_order_acquire);
        bool hangs;
        if (!atomic_load(&p->used))
            continue;
        hangs = beat && now - beat > (p->kind == PULSE_LOOP ? LOOP_SILENCE_US
                                                            : atomic_load(&work_silence_us));
        tell(p, hangs, beat ? now - beat : 0);
        good &= !hangs;
    }
    return good;
}
