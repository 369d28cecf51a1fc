/* Asking authd for keys: one at a time for all who miss one, and not too often. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "gateway/keys.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define MANY 32

static struct keys *keys;
static atomic_int fetches;
static int answer;

static void begin(void)
{
    keys = keys_new();
    atomic_store(&fetches, 0);
    answer = DONE;
}

static void end(void)
{
    keys_drop(&keys);
}

static int fetch(void *state)
{
    (void)state;
    atomic_fetch_add(&fetches, 1);
    usleep(20000);
    return answer;
}

static void *miss(void *result)
{
    *(int *)result = keys_refresh(keys, 0, 1000000, fetch, NULL);
    return NULL;
}

static void all_miss(int results[MANY])
{
    pthread_t threads[MANY];

    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, miss, &results[i]), 0);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(one_asks_for_all)
{
    int results[MANY];

    all_miss(results);
    ck_assert_int_eq(atomic_load(&fetches), 1);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(results[i], DONE);
    ck_assert_uint_eq(keys_asked(keys), 1);
}
END_TEST

START_TEST(its_failure_is_everybodys)
{
    int results[MANY];

    answer = UNAVAILABLE;
    all_miss(results);
    ck_assert_int_eq(atomic_load(&fetches), 1);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(results[i], UNAVAILABLE);
    answer = DONE;
    ck_assert_int_eq(keys_refresh(keys, keys_asked(keys), 1000001, fetch, NULL), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 2);
}
END_TEST

START_TEST(unknown_keys_are_not_asked_for_without_end)
{
    int64_t now = 1000000;

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(keys_refresh(keys, keys_asked(keys), now, fetch, NULL), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 10);
    ck_assert_int_eq(keys_refresh(keys, keys_asked(keys), now + 999000, fetch, NULL), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 10);
    ck_assert_int_eq(keys_refresh(keys, keys_asked(keys), now + 1001000, fetch, NULL), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 11);
}
END_TEST

/* Asked while a fetch is under way: its answer may be older than the key that is looked for. */
static int fetch_and_miss(void *ret_asked)
{
    *(uint64_t *)ret_asked = keys_asked(keys);
    return fetch(NULL);
}

START_TEST(a_fetch_serves_nobody_who_came_after_its_begin)
{
    uint64_t asked = 0;

    ck_assert_int_eq(keys_refresh(keys, 0, 1000000, fetch_and_miss, &asked), DONE);
    ck_assert_int_eq(keys_refresh(keys, asked, 1000001, fetch, NULL), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 2);
}
END_TEST

static int renew(void)
{
    return keys_renew(keys, fetch, NULL);
}

/* News of a change are followed at once, once, and again when that failed. */
START_TEST(a_change_is_fetched_before_anything_else)
{
    ck_assert_int_eq(renew(), DONE); /* for the first time: an empty set would verify nothing */
    ck_assert_int_eq(atomic_load(&fetches), 1);
    ck_assert_int_eq(renew(), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 1);
    atomic_store(&fetches, 0);
    ck_assert(keys_news(keys, 0));
    answer = UNAVAILABLE;
    ck_assert_int_eq(renew(), UNAVAILABLE);
    answer = DONE;
    ck_assert_int_eq(renew(), DONE);
    ck_assert_int_eq(renew(), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 2);
    ck_assert(!keys_news(keys, 0));
    ck_assert_int_eq(renew(), DONE);
    ck_assert_int_eq(atomic_load(&fetches), 2);
    for (uint64_t i = 1; i <= 30; i++) { /* no budget */
        ck_assert(keys_news(keys, i));
        ck_assert_int_eq(renew(), DONE);
    }
    ck_assert_int_eq(atomic_load(&fetches), 32);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("keys");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, one_asks_for_all);
    tcase_add_test(t, a_fetch_serves_nobody_who_came_after_its_begin);
    tcase_add_test(t, its_failure_is_everybodys);
    tcase_add_test(t, unknown_keys_are_not_asked_for_without_end);
    tcase_add_test(t, a_change_is_fetched_before_anything_else);
    return check_run("keys", t);
}
