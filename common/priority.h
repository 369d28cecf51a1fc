#pragma once
/*
 * Who goes first on a processor: work that nobody waits for in milliseconds steps behind.  None of
 * these reports an error: without them everything works, only less evenly.
 */
#include <stdbool.h>
#include <time.h>

/* The calling thread lets others that wake up go first, or no longer: it becomes one of SCHED_BATCH
 * with long slices.  Since Linux 6.12 whoever has shorter ones need not wait for the end of such a
 * slice (sched(7), sched_setattr(2)).  Unlike a nice value this can be taken back without rights.
 */
void priority_yield_thread(bool yields);

/* The same for good, with a nice value from 1 to 19. */
void priority_lower_thread(int nice);

/* The calling process steps behind other processes, where it leads a session of its own; there the
 * kernel weighs sessions, and a thread's nice value counts only within its session (sched(7), "The
 * autogroup feature").  Under a control group with a processor weight that one counts.  To be
 * called first: a process that prevents dumps may not write there. */
void priority_lower_process(int nice);

struct offers {
    timer_t timer;
    bool made;
};

/*
 * From begin to end the calling thread, which computes and makes no system call, offers its
 * processor to others every 200 us: a timer of its own interrupts it (SIGALRM), and it yields.
 * Otherwise one that wakes up when it has had its share waits for the kernel's tick, up to 4 ms,
 * whatever the weights are.  Costs below 1 % of the computing.  Only calls of the C library that
 * end early when a signal comes (signal(7)) must not stand between them.
 */
void offers_begin(struct offers *o);
void offers_end(struct offers *o);
