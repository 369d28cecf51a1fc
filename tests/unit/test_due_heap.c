/* chatd/upstream/due_heap.h: always the earliest, whatever is put, moved and taken. */
#include "chatd/upstream/due_heap.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "tests/unit/check_main.h"

#define THINGS 200

static int64_t earliest(const struct due *things)
{
    int64_t at = INT64_MAX;

    for (int i = 0; i < THINGS; i++)
        if (things[i].place > 0 && things[i].at_us < at)
            at = things[i].at_us;
    return at;
}

START_TEST(against_a_list)
{
    cleanup(due_heap_drop) struct due_heap h = {0};
    struct due things[THINGS] = {0};
    unsigned seed = 42;

    for (int round = 0; round < 20000; round++) {
        struct due *d = &things[rand_r(&seed) % THINGS];
        if (rand_r(&seed) % 3 == 0)
            due_unset(&h, d);
        else
            due_set(&h, d, rand_r(&seed) % 1000);
        struct due *first = due_first(&h);
        ck_assert_int_eq(first ? first->at_us : INT64_MAX, earliest(things));
    }
}
END_TEST

START_TEST(empty)
{
    cleanup(due_heap_drop) struct due_heap h = {0};
    struct due d = {0};

    ck_assert_ptr_null(due_first(&h));
    due_unset(&h, &d);
    due_set(&h, &d, 5);
    ck_assert_ptr_eq(due_first(&h), &d);
    due_unset(&h, &d);
    ck_assert_ptr_null(due_first(&h));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("due_heap");

    tcase_add_test(tests, against_a_list);
    tcase_add_test(tests, empty);
    return check_run("due_heap", tests);
}
