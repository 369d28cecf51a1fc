/* What each network address occupies. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gateway/http/addresses.h"
#include "tests/unit/check_main.h"

#define THREADS 8
#define ROUNDS  2000

static struct addresses *all;

static void end(void)
{
    addresses_drop(&all);
}

START_TEST(each_has_its_number)
{
    struct address_place a[3] = {0}, b[3] = {0};

    all = addresses_new(2);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(addresses_enter(all, &a[i], "192.0.2.1"), i < 2);
        ck_assert_int_eq(addresses_enter(all, &b[i], "2001:db8::"), i < 2);
    }
    ck_assert_uint_eq(addresses_refused(all), 2);
    addresses_leave(all, &a[0]);
    addresses_leave(all, &a[0]); /* holds none any more */
    ck_assert(addresses_enter(all, &a[2], "192.0.2.1"));
    ck_assert(!addresses_enter(all, &a[0], "192.0.2.1"));
    ck_assert(!addresses_enter(all, &b[2], "2001:db8::"));
}
END_TEST

START_TEST(none_is_any_number)
{
    struct address_place places[100] = {0};

    all = addresses_new(0);
    for (int i = 0; i < 100; i++)
        ck_assert(addresses_enter(all, &places[i], "192.0.2.1"));
    for (int i = 0; i < 100; i++)
        addresses_leave(all, &places[i]);
    ck_assert_uint_eq(addresses_refused(all), 0);
}
END_TEST

static void *come_and_go(void *name)
{
    struct address_place places[4] = {0};

    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 4; k++)
            addresses_enter(all, &places[k], name);
        for (int k = 0; k < 4; k++)
            addresses_leave(all, &places[k]);
    }
    return NULL;
}

START_TEST(many_threads)
{
    pthread_t threads[THREADS];
    struct address_place places[5] = {0};

    all = addresses_new(5);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, come_and_go, i % 2 ? "192.0.2.1" : "192.0.2.2"), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 5; i++)
        ck_assert(addresses_enter(all, &places[i], "192.0.2.1"));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("addresses");

    tcase_add_checked_fixture(t, NULL, end);
    tcase_add_test(t, each_has_its_number);
    tcase_add_test(t, none_is_any_number);
    tcase_add_test(t, many_threads);
    return check_run("addresses", t);
}
