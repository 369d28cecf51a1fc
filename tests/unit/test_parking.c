/* Which threads wait for connections: few, and the ones that ran last. */
#include <stdatomic.h>

#include "gateway/http/parking.h"
#include "tests/unit/check_main.h"
#include "tests/unit/eventually.h"

#define THREADS 40

static struct parking p;
static struct worker {
    pthread_t thread;
    bool is_ready;
    atomic_int entered; /* how often it came to where it waits for a connection */
    atomic_bool go, end;
} workers[THREADS];

/* As civetweb runs one: it waits for a connection (go), takes it, and it is closed. */
static void *worker_run(void *state)
{
    struct worker *w = state;

    for (;;) {
        parking_enter(&p, &w->is_ready);
        atomic_fetch_add(&w->entered, 1);
        while (!atomic_load(&w->go) && !atomic_load(&w->end))
            pause_ms(1);
        if (atomic_load(&w->end))
            return NULL;
        parking_leave(&p, &w->is_ready);
        while (atomic_load(&w->go)) /* the connection is open */
            pause_ms(1);
    }
}

static unsigned ready_count(void)
{
    unsigned n;

    pthread_mutex_lock(&p.lock);
    n = p.ready;
    pthread_mutex_unlock(&p.lock);
    return n;
}

static int parked_count(void)
{
    int n = 0;

    pthread_mutex_lock(&p.lock);
    for (const struct idle *i = p.parked; i; i = i->below)
        n++;
    pthread_mutex_unlock(&p.lock);
    return n;
}

static int entered_count(void)
{
    int n = 0;

    for (int i = 0; i < THREADS; i++)
        n += atomic_load(&workers[i].entered) > 0;
    return n;
}

static void start(void)
{
    parking_init(&p);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
    EVENTUALLY(parked_count() == THREADS - PARKING_READY);
}

static void stop(void)
{
    parking_end(&p);
    for (int i = 0; i < THREADS; i++)
        atomic_store(&workers[i].end, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    ck_assert_int_eq(parked_count(), 0);
}

/* A connection for a thread that waits; its number. */
static int take(void)
{
    for (int i = 0; i < THREADS; i++) {
        int before = atomic_load(&workers[i].entered);
        if (before && !atomic_load(&workers[i].go)) {
            atomic_store(&workers[i].go, true);
            return i;
        }
    }
    ck_abort_msg("nobody waits for a connection");
    return -1;
}

START_TEST(few_wait)
{
    start();
    ck_assert_int_eq(entered_count(), PARKING_READY);
    for (int n = 0; n < 100; n++) { /* one connection after the other */
        struct worker *w = &workers[take()];
        int before = atomic_load(&w->entered);
        EVENTUALLY(ready_count() == PARKING_READY - 1);
        atomic_store(&w->go, false);
        EVENTUALLY(atomic_load(&w->entered) == before + 1);
    }
    ck_assert_int_eq(entered_count(), PARKING_READY);
    stop();
}
END_TEST

/* Many connections at once: every thread is called, and most are parked again. */
START_TEST(all_are_called)
{
    int open[THREADS];

    start();
    for (int n = 0; n < THREADS; n++) {
        int called = n + PARKING_LEAST;
        open[n] = take();
        called = called < PARKING_READY ? PARKING_READY : called > THREADS ? THREADS : called;
        EVENTUALLY(entered_count() >= called);
    }
    ck_assert_int_eq(parked_count(), 0);
    for (int n = 0; n < THREADS; n++)
        atomic_store(&workers[open[n]].go, false);
    EVENTUALLY(parked_count() == THREADS - PARKING_READY);
    stop();
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("parking");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, few_wait);
    tcase_add_test(t, all_are_called);
    return check_run("parking", t);
}
