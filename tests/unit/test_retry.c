/* chatd/upstream/retry.h: which failures are tried again, when, and how often. */
#include "chatd/upstream/retry.h"

#include <string.h>

#include "tests/unit/check_main.h"

#define COUNT(a)    (sizeof(a) / sizeof *(a))
#define TRIES       3
#define NOW_US      INT64_C(1000000000)
#define DEADLINE_US (NOW_US + INT64_C(600000000))
#define WALL        INT64_C(1700000000) /* Tue, 14 Nov 2023 22:13:20 GMT */

/* One request was sent and failed; what then? */
static const struct {
    const char *name;
    struct retry_failure failure;
    int requests, pauses; /* before the decision */
    int64_t left_ms;      /* until the deadline */
    bool again, pause;
    int64_t least_ms, most_ms;
} steps[] = {
    {"never", {AGAIN_NEVER, -1, -1, false}, 1, 0, 600000, false, false, 0, 0},
    {"never, though asked", {AGAIN_NEVER, 1, -1, false}, 1, 0, 600000, false, false, 0, 0},
    {"asked", {AGAIN_ASKED, 1, -1, false}, 1, 0, 600000, true, false, 375, 500},
    {"not asked", {AGAIN_ASKED, -1, -1, false}, 1, 0, 600000, false, false, 0, 0},
    {"asked not to", {AGAIN_LATER, 0, -1, false}, 1, 0, 600000, false, false, 0, 0},
    {"asked not to pause", {AGAIN_PAUSE, 0, 20, false}, 1, 0, 600000, false, false, 0, 0},
    {"after the first token", {AGAIN_LATER, 1, 0, true}, 1, 0, 600000, false, false, 0, 0},
    {"first", {AGAIN_LATER, -1, -1, false}, 1, 0, 600000, true, false, 375, 500},
    {"second", {AGAIN_LATER, -1, -1, false}, 2, 0, 600000, true, false, 750, 1000},
    {"third and last", {AGAIN_LATER, -1, -1, false}, 3, 0, 600000, false, false, 0, 0},
    {"third, but one paused", {AGAIN_LATER, -1, -1, false}, 3, 1, 600000, true, false, 750, 1000},
    {"Retry-After", {AGAIN_LATER, -1, 7000, false}, 1, 0, 600000, true, false, 7000, 7000},
    {"Retry-After 0", {AGAIN_LATER, -1, 0, false}, 1, 0, 600000, true, false, 0, 0},
    {"too far away", {AGAIN_LATER, -1, 7000, false}, 1, 0, 6000, false, false, 7000, 7000},
    {"no time left", {AGAIN_LATER, -1, -1, false}, 1, 0, 100, false, false, 375, 500},
    {"pause", {AGAIN_PAUSE, -1, 2000, false}, 1, 0, 600000, true, true, 2000, 2000},
    {"pause is no try", {AGAIN_PAUSE, -1, 2000, false}, 9, 8, 600000, true, true, 8000, 8000},
    {"pause has a floor", {AGAIN_PAUSE, -1, 0, false}, 1, 0, 600000, true, true, 50, 50},
    {"that rises", {AGAIN_PAUSE, -1, 20, false}, 4, 3, 600000, true, true, 400, 400},
    {"pauses end", {AGAIN_PAUSE, -1, 20, false}, 21, 20, 600000, false, true, 0, 0},
    {"pause too long", {AGAIN_PAUSE, -1, 9000, false}, 1, 0, 8000, false, true, 9000, 9000},
    {"pause unsaid", {AGAIN_PAUSE, -1, -1, false}, 1, 0, 600000, true, true, 375, 500},
    {"pause unsaid is a try", {AGAIN_PAUSE, -1, -1, false}, 3, 0, 600000, false, true, 0, 0},
};

START_TEST(step)
{
    for (uint32_t random = 0; random < 4000000000; random += 123456789) {
        struct retry r = {.requests = steps[_i].requests, .pauses = steps[_i].pauses};
        struct retry_clock c = {
            .now_us = NOW_US, .deadline_us = NOW_US + steps[_i].left_ms * 1000, .random = random};
        struct retry_step s = retry_decide(&r, TRIES, &steps[_i].failure, &c);
        ck_assert_msg(s.again == steps[_i].again, "%s", steps[_i].name);
        ck_assert_msg(s.pause == steps[_i].pause, "%s", steps[_i].name);
        ck_assert_msg(s.wait_us >= steps[_i].least_ms * 1000 &&
                          s.wait_us <= steps[_i].most_ms * 1000,
                      "%s: %ld us", steps[_i].name, (long)s.wait_us);
    }
}
END_TEST

/* A provider that always fails is asked exactly as often as allowed. */
START_TEST(tries_end)
{
    const struct retry_failure failure = {AGAIN_LATER, -1, -1, false};
    struct retry r = {0};
    struct retry_clock c = {.now_us = NOW_US, .deadline_us = DEADLINE_US};
    struct retry_step s;

    do {
        r.requests++;
        s = retry_decide(&r, TRIES, &failure, &c);
        c.now_us += s.wait_us;
    } while (s.again);
    ck_assert_int_eq(r.requests, TRIES);
    ck_assert_int_eq(retry_tries(&r), TRIES);
}
END_TEST

START_TEST(backoff_is_capped)
{
    const struct retry_failure failure = {AGAIN_LATER, -1, -1, false};
    const struct retry_clock c = {.now_us = NOW_US, .deadline_us = DEADLINE_US};

    for (int n = 5; n < 100; n++) {
        struct retry r = {.requests = n};
        struct retry_step s = retry_decide(&r, 1000, &failure, &c);
        ck_assert_int_eq(s.wait_us, 8000000);
    }
}
END_TEST

START_TEST(spread)
{
    const struct retry_failure failure = {AGAIN_LATER, -1, -1, false};
    struct retry_clock c = {.now_us = NOW_US, .deadline_us = DEADLINE_US};
    struct retry a = {.requests = 1}, b = {.requests = 1};

    c.random = 1;
    int64_t first = retry_decide(&a, TRIES, &failure, &c).wait_us;
    c.random = 99999;
    ck_assert_int_ne(first, retry_decide(&b, TRIES, &failure, &c).wait_us);
}
END_TEST

static const struct {
    const char *milliseconds, *seconds;
    int64_t result;
} headers[] = {
    {NULL, NULL, -1},
    {NULL, "5", 5000},
    {NULL, "0", 0},
    {NULL, " 5 ", 5000},
    {NULL, "1.5", 1500},
    {NULL, "-1", -1},
    {NULL, "nan", -1},
    {NULL, "inf", 86400000},
    {NULL, "5 apples", -1},
    {NULL, "", -1},
    {NULL, "999999999999999999999", 86400000},
    {NULL, "Tue, 14 Nov 2023 22:13:50 GMT", 30000},
    {NULL, "Tue, 14 Nov 2023 22:13:20 GMT", 0},
    {NULL, "Tue, 14 Nov 2023 21:00:00 GMT", 0},
    {NULL, "Tuesday, 14-Nov-23 22:13:21 GMT", 1000},
    {NULL, "Tue, 14 Nov 2124 22:13:20 GMT", 86400000},
    {NULL, "tomorrow", -1},
    {"20", "5", 20},
    {"20.7", NULL, 20},
    {"soon", "5", 5000},
    {"-5", NULL, -1},
    {"99999999999", NULL, 86400000},
};

START_TEST(after)
{
    ck_assert_int_eq(retry_after(headers[_i].milliseconds, headers[_i].seconds, WALL),
                     headers[_i].result);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("retry");

    tcase_add_loop_test(tests, step, 0, COUNT(steps));
    tcase_add_test(tests, tries_end);
    tcase_add_test(tests, backoff_is_capped);
    tcase_add_test(tests, spread);
    tcase_add_loop_test(tests, after, 0, COUNT(headers));
    return check_run("retry", tests);
}
