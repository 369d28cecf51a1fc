/* Pulses: who hangs, who only waits, and that neither names nor places are used up. */
#include "common/pulse.h"

#include <pthread.h>
#include <semaphore.h>

#include "tests/unit/check_main.h"
#include "tests/unit/eventually.h"

#define WATCHDOG_US 20000 /* so a piece of work may take 60 ms */

static sem_t begun, go;

static void *works(void *unused)
{
    pulse_begin(PULSE_WORK, "work", 1);
    pulse_beat("something");
    sem_post(&begun);
    sem_wait(&go);
    pulse_end();
    return unused;
}

static void *waits(void *unused)
{
    bool outer, inner;

    pulse_begin(PULSE_WORK, "work", 2);
    outer = pulse_wait_begin();
    inner = pulse_wait_begin();
    ck_assert(!outer && inner);
    pulse_wait_end(inner); /* the outer one waits on */
    sem_post(&begun);
    sem_wait(&go);
    pulse_wait_end(outer);
    sem_post(&begun);
    sem_wait(&go);
    pulse_end();
    return unused;
}

static void *rests(void *unused)
{
    pulse_begin(PULSE_WORK, "work", 3);
    pulse_rest();
    sem_post(&begun);
    sem_wait(&go);
    pulse_end();
    return unused;
}

static pthread_t start(void *(*run)(void *))
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
    sem_wait(&begun);
    return thread;
}

static void end(pthread_t thread)
{
    sem_post(&go);
    pthread_join(thread, NULL);
}

START_TEST(work_that_takes_too_long_hangs)
{
    pthread_t thread = start(works);

    ck_assert(pulse_check());
    pause_ms(100);
    ck_assert(!pulse_check());
    ck_assert(!pulse_check());
    end(thread);
    ck_assert(pulse_check()); /* it is gone */
}
END_TEST

START_TEST(waiting_is_not_hanging)
{
    pthread_t thread = start(waits);

    pause_ms(100);
    ck_assert(pulse_check());
    sem_post(&go); /* waits no more */
    sem_wait(&begun);
    ck_assert(pulse_check());
    pause_ms(100);
    ck_assert(!pulse_check());
    end(thread);
}
END_TEST

START_TEST(resting_is_not_hanging)
{
    pthread_t thread = start(rests);

    pause_ms(100);
    ck_assert(pulse_check());
    end(thread);
}
END_TEST

START_TEST(places_are_given_back)
{
    for (int i = 0; i < 3 * PULSES_MAX; i++)
        end(start(rests));
    ck_assert(pulse_check());
}
END_TEST

/* Library code that runs in any thread. */
START_TEST(without_a_pulse)
{
    bool waited = pulse_wait_begin();

    pulse_beat("x");
    pulse_rest();
    pulse_wait_end(waited);
    pulse_end();
    ck_assert(pulse_check());
}
END_TEST

static void setup(void)
{
    sem_init(&begun, 0, 0);
    sem_init(&go, 0, 0);
    pulse_watchdog(WATCHDOG_US);
}

int main(void)
{
    TCase *t = tcase_create("pulse");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, work_that_takes_too_long_hangs);
    tcase_add_test(t, waiting_is_not_hanging);
    tcase_add_test(t, resting_is_not_hanging);
    tcase_add_test(t, places_are_given_back);
    tcase_add_test(t, without_a_pulse);
    return check_run("pulse", t);
}
