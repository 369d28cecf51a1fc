#pragma once
/*
 * Whether the threads that matter go on.  Each has a pulse: it says so when it comes round, when it
 * begins to wait for work, and when it waits for somebody outside (the database, a client, another
 * service), which has bounds of its own.  A thread that does none of these for too long hangs: the
 * journal names it, and systemd's watchdog is not fed any more.
 */
#include <stdbool.h>
#include <stdint.h>

#define PULSE_NAME_SIZE 24
#define PULSES_MAX      128

enum pulse_kind {
    PULSE_LOOP, /* comes round at least each second: silent for 10 s, it hangs */
    PULSE_WORK, /* a piece of work may take longer: 60 s, or three times the watchdog's time */
};

/* Gives the calling thread, which is not the process' first, a pulse, which beats, and its name (ps
 * -L, gdb).  number: of its like, 0: it is the only one. */
void pulse_begin(enum pulse_kind kind, const char *name, int number);
/* The calling thread ends.  All the following do nothing in a thread without a pulse. */
void pulse_end(void);

/* It goes on.  what: a constant that says what it is at ("prompt_create"), or NULL. */
void pulse_beat(const char *what);
/* From here on it waits for work, however long that takes. */
void pulse_rest(void);

/* Around a wait for somebody outside; these may be nested: pass what the first one returned. */
bool pulse_wait_begin(void);
void pulse_wait_end(bool was_waiting);

/* systemd's WatchdogSec in microseconds, 0: none. */
void pulse_watchdog(uint64_t watchdog_us);

/* Whether all threads go on.  Names in the log each that begins to hang or goes on again; for one
 * thread of the process, which calls it every second. */
bool pulse_check(void);
