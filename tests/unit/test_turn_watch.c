/* What a turn's events tell the thread that waits for it. */
#include <pthread.h>
#include <string.h>

#include "common/clock.h"
#include "common/events.h"
#include "gateway/turn_watch.h"
#include "tests/unit/check_main.h"

static struct turn_watch w;

static void setup(void)
{
    turn_watch_init(&w);
}

static void teardown(void)
{
    turn_watch_drop(&w);
}

static void tell(enum event_what what, uint32_t attempt, const char *data)
{
    const struct event e = {
        .topic = "turn:1", .what = what, .attempt = attempt, .data = data, .size = strlen(data)};

    turn_watch_event(&w, &e);
}

static enum turn_news wait_ms(int64_t ms)
{
    return turn_watch_wait(&w, clock_us() + ms * 1000);
}

START_TEST(nothing_yet)
{
    int64_t start = clock_ms();

    tell(EVENT_STATE, 1, "running");
    tell(EVENT_DELTA, 1, "text");
    ck_assert_int_eq(wait_ms(100), TURN_NOTHING);
    ck_assert_int_ge(clock_ms() - start, 99);
}
END_TEST

START_TEST(the_end)
{
    tell(EVENT_STATE, 1, "running");
    tell(EVENT_ENDED, 1, "{\"turn\":1}");
    tell(EVENT_ENDED, 1, "{\"turn\":2}");
    ck_assert_int_eq(wait_ms(100), TURN_ENDED);
    ck_assert_str_eq(w.ended.data, "{\"turn\":1}");
    ck_assert_int_eq(wait_ms(100), TURN_ENDED);
}
END_TEST

START_TEST(another_attempt_is_told_once)
{
    tell(EVENT_STATE, 1, "running");
    tell(EVENT_STATE, 2, "running");
    ck_assert_int_eq(wait_ms(100), TURN_MOVED);
    ck_assert_int_eq(wait_ms(20), TURN_NOTHING);
}
END_TEST

START_TEST(silence)
{
    int64_t start = clock_ms();

    ck_assert_int_eq(wait_ms(10000), TURN_SILENT);
    ck_assert_int_ge(clock_ms() - start, TURN_SILENCE_MS - 50);
    ck_assert_int_eq(wait_ms(10), TURN_SILENT);
    turn_watch_asked(&w);
    ck_assert_int_eq(wait_ms(10), TURN_NOTHING);
}
END_TEST

START_TEST(a_call_is_told_once)
{
    turn_watch_call(&w);
    turn_watch_call(&w);
    ck_assert_int_eq(wait_ms(100), TURN_CALLED);
    ck_assert_int_eq(wait_ms(20), TURN_NOTHING);
}
END_TEST

START_TEST(an_older_attempt_says_nothing)
{
    tell(EVENT_STATE, 2, "running");
    tell(EVENT_STATE, 1, "running");
    ck_assert_int_eq(wait_ms(20), TURN_NOTHING);
    tell(EVENT_STATE, 2, "running");
    ck_assert_int_eq(wait_ms(20), TURN_NOTHING);
}
END_TEST

START_TEST(silence_can_be_longer)
{
    w.silence_ms = 100;
    ck_assert_int_eq(wait_ms(10000), TURN_SILENT);
    w.silence_ms = 60000;
    ck_assert_int_eq(wait_ms(200), TURN_NOTHING);
}
END_TEST

static void *end_later(void *state)
{
    (void)state;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    tell(EVENT_ENDED, 1, "{}");
    return NULL;
}

START_TEST(woken_by_the_end)
{
    int64_t start = clock_ms();
    pthread_t other;

    pthread_create(&other, NULL, end_later, NULL);
    ck_assert_int_eq(wait_ms(10000), TURN_ENDED);
    ck_assert_int_lt(clock_ms() - start, 1500);
    pthread_join(other, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("turn_watch");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nothing_yet);
    tcase_add_test(tests, the_end);
    tcase_add_test(tests, another_attempt_is_told_once);
    tcase_add_test(tests, silence);
    tcase_add_test(tests, woken_by_the_end);
    tcase_add_test(tests, a_call_is_told_once);
    tcase_add_test(tests, an_older_attempt_says_nothing);
    tcase_add_test(tests, silence_can_be_longer);
    return check_run("turn_watch", tests);
}
