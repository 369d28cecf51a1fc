/* Token buckets: bursts, refill, separate keys and classes, the share of each gateway, eviction. */
#include <string.h>

#include "common/cleanup.h"
#include "gateway/rate.h"
#include "tests/unit/check_main.h"

#define SECOND 1000000

static struct rate_answer take(struct rate_table *t, enum rate class, uint64_t key, int64_t now)
{
    return rate_take(t, class, key, now);
}

START_TEST(a_burst_then_the_rate)
{
    cleanup(rate_drop) struct rate_table *t = rate_new(1);
    const int64_t start = 1000 * (int64_t)SECOND;
    struct rate_answer a;

    for (unsigned i = 0; i < 10; i++) {
        a = take(t, RATE_LOGIN, 7, start);
        ck_assert(a.allowed);
        ck_assert_uint_eq(a.limit, 10);
        ck_assert_uint_eq(a.remaining, 9 - i);
        ck_assert_uint_eq(a.retry, 0);
    }
    a = take(t, RATE_LOGIN, 7, start);
    ck_assert(!a.allowed);
    ck_assert_uint_eq(a.retry, 6);
    ck_assert_uint_eq(a.reset, 60);
    ck_assert_uint_eq(a.remaining, 0);
    /* what was refused costs nothing: one comes back after six seconds, not more */
    ck_assert(!take(t, RATE_LOGIN, 7, start + 5 * SECOND).allowed);
    ck_assert(take(t, RATE_LOGIN, 7, start + 6 * SECOND).allowed);
    ck_assert(!take(t, RATE_LOGIN, 7, start + 6 * SECOND).allowed);
}
END_TEST

START_TEST(it_fills_up_to_the_limit_and_no_further)
{
    cleanup(rate_drop) struct rate_table *t = rate_new(1);
    unsigned allowed = 0;

    take(t, RATE_LOGIN, 7, SECOND);
    for (int i = 0; i < 100; i++)
        allowed += take(t, RATE_LOGIN, 7, 3600 * (int64_t)SECOND).allowed;
    ck_assert_uint_eq(allowed, 10);
}
END_TEST

START_TEST(keys_and_classes_do_not_share)
{
    cleanup(rate_drop) struct rate_table *t = rate_new(1);

    while (take(t, RATE_LOGIN, 1, SECOND).allowed)
        ;
    ck_assert(take(t, RATE_LOGIN, 2, SECOND).allowed);
    ck_assert(take(t, RATE_WRITE, 1, SECOND).allowed);
    ck_assert(!take(t, RATE_LOGIN, 1, SECOND).allowed);
    ck_assert_uint_ne(rate_key_of("127.0.0.1"), rate_key_of("127.0.0.2"));
    ck_assert_uint_eq(rate_key_of("127.0.0.1"), rate_key_of("127.0.0.1"));
}
END_TEST

START_TEST(gateways_share_the_limit)
{
    cleanup(rate_drop) struct rate_table *four = rate_new(4), *many = rate_new(64);
    struct rate_answer a = take(four, RATE_READ, 1, SECOND);

    ck_assert_uint_eq(a.limit, 150);
    /* never nothing at all */
    a = take(many, RATE_LOGIN, 1, SECOND);
    ck_assert(a.allowed);
    ck_assert_uint_eq(a.limit, 1);
    ck_assert(!take(many, RATE_LOGIN, 1, SECOND).allowed);
}
END_TEST

START_TEST(no_limit)
{
    cleanup(rate_drop) struct rate_table *t = rate_new(1);

    for (int i = 0; i < 10000; i++) {
        struct rate_answer a = take(t, RATE_NONE, 1, SECOND);
        ck_assert(a.allowed && a.limit == 0);
    }
}
END_TEST

START_TEST(many_keys_do_not_free_one_that_is_used_up)
{
    cleanup(rate_drop) struct rate_table *t = rate_new(1);

    while (take(t, RATE_LOGIN, 1, SECOND).allowed)
        ;
    /* more keys than the table has places: those that lost the least are forgotten first */
    for (uint64_t key = 2; key < 200000; key++)
        take(t, RATE_LOGIN, key, SECOND);
    ck_assert(!take(t, RATE_LOGIN, 1, SECOND).allowed);
}
END_TEST

START_TEST(a_bucket_may_have_a_rate_of_its_own)
{
    cleanup(rate_drop) struct rate_table *t = rate_new(2);
    unsigned allowed = 0;

    for (int i = 0; i < 50; i++)
        allowed += rate_take_own(t, RATE_APIKEY, 1, 20, SECOND).allowed;
    ck_assert_uint_eq(allowed, 10); /* this gateway's half */
    ck_assert(rate_take_own(t, RATE_APIKEY, 1, 20, 7 * (int64_t)SECOND).allowed);
    ck_assert(rate_take_own(t, RATE_APIKEY, 2, 20, SECOND).allowed);
    for (int i = allowed = 0; i < 1000; i++)
        allowed += rate_take_own(t, RATE_APIKEY, 3, 0, SECOND).allowed;
    ck_assert_uint_eq(allowed, 300); /* of the class */
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rate");

    tcase_add_test(tests, a_burst_then_the_rate);
    tcase_add_test(tests, it_fills_up_to_the_limit_and_no_further);
    tcase_add_test(tests, keys_and_classes_do_not_share);
    tcase_add_test(tests, gateways_share_the_limit);
    tcase_add_test(tests, no_limit);
    tcase_add_test(tests, many_keys_do_not_free_one_that_is_used_up);
    tcase_add_test(tests, a_bucket_may_have_a_rate_of_its_own);
    return check_run("rate", tests);
}
