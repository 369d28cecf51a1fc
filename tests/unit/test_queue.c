/* gateway/broker/queue.h and timers.h: fair, bounded, and in order. */
#include "gateway/broker/queue.h"

#include "gateway/broker/timers.h"
#include "tests/unit/check_main.h"

#define LIMIT 100

static struct queue *queue;
static struct queue_item items[2000];

static bool push(int i, uint64_t caller, uint32_t cost)
{
    struct queue_item *out;
    bool done = queue_push(queue, &items[i], caller, cost, &out);

    ck_assert_ptr_null(out);
    return done;
}

static int pop(void)
{
    struct queue_item *item = queue_pop(queue);

    return item ? (int)(item - items) : -1;
}

static void begin(void)
{
    queue = queue_new(LIMIT);
}

static void end(void)
{
    while (queue_pop(queue))
        ;
    ck_assert_uint_eq(queue_length(queue), 0);
    queue_drop(&queue);
    ck_assert_ptr_null(queue);
}

START_TEST(first_in_first_out)
{
    for (int i = 0; i < LIMIT; i++)
        ck_assert(push(i, 1, 1));
    for (int i = 0; i < LIMIT; i++)
        ck_assert_int_eq(pop(), i);
    ck_assert_int_eq(pop(), -1);
}
END_TEST

/* However many one caller has, another's wait for one of them at most. */
START_TEST(callers_take_turns)
{
    for (int i = 0; i < 90; i++)
        ck_assert(push(i, 1, 1));
    for (int i = 90; i < 95; i++)
        ck_assert(push(i, 2, 1));
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(pop(), i);
        ck_assert_int_eq(pop(), 90 + i);
    }
    ck_assert_int_eq(pop(), 5);
    ck_assert(push(95, 3, 1));
    ck_assert_int_lt(pop(), 90);
    ck_assert_int_eq(pop(), 95);
}
END_TEST

/* A caller of big requests gets as many bytes, not as many requests, as another. */
START_TEST(big_ones_count_more)
{
    int big = 0, small = 0;

    for (int i = 0; i < 40; i++)
        ck_assert(push(i, 1, 4));
    for (int i = 40; i < 100; i++)
        ck_assert(push(i, 2, 1));
    for (int i = 0; i < 50; i++)
        if (pop() < 40)
            big++;
        else
            small++;
    ck_assert_int_eq(big, 10);
    ck_assert_int_eq(small, 40);
}
END_TEST

START_TEST(full_refuses)
{
    struct queue_item *out;

    for (int i = 0; i < LIMIT; i++)
        ck_assert(push(i, (uint64_t)i, 1));
    ck_assert(queue_full(queue));
    ck_assert(!queue_push(queue, &items[LIMIT], 5, 1, &out));
    ck_assert_ptr_null(out);
    ck_assert(!queue_push(queue, &items[LIMIT], LIMIT, 1, &out));
    ck_assert_uint_eq(queue_length(queue), LIMIT);
}
END_TEST

/* One caller that fills the queue does not keep the others out. */
START_TEST(longest_line_gives_way)
{
    struct queue_item *out;

    for (int i = 0; i < LIMIT; i++)
        ck_assert(push(i, 1, 1));
    ck_assert(!queue_push(queue, &items[LIMIT], 1, 1, &out));
    for (int i = 0; i < 50; i++) {
        ck_assert(queue_push(queue, &items[LIMIT + i], 2, 1, &out));
        ck_assert_ptr_eq(out, &items[LIMIT - 1 - i]);
        ck_assert_uint_eq(queue_length(queue), LIMIT);
    }
    ck_assert(!queue_push(queue, &items[LIMIT + 50], 2, 1, &out));
    ck_assert_ptr_null(out);
}
END_TEST

START_TEST(front_comes_first)
{
    ck_assert(push(0, 1, 1));
    queue_push_front(queue, &items[1]);
    queue_push_front(queue, &items[2]);
    ck_assert_uint_eq(queue_length(queue), 3);
    queue_remove(queue, &items[1]);
    ck_assert_int_eq(pop(), 2);
    ck_assert_int_eq(pop(), 0);
}
END_TEST

START_TEST(any_can_be_removed)
{
    for (int i = 0; i < 30; i++)
        ck_assert(push(i, (uint64_t)i % 3, 1 + (uint32_t)i % 2));
    for (int i = 0; i < 30; i += 2)
        queue_remove(queue, &items[i]);
    ck_assert_uint_eq(queue_length(queue), 15);
    for (int i = 0; i < 15; i++)
        ck_assert_int_eq(pop() % 2, 1);
    ck_assert_int_eq(pop(), -1);
}
END_TEST

/* Random use against a plain count. */
START_TEST(keeps_count)
{
    bool in[2000] = {false};
    unsigned expected = 0;
    struct queue_item *out;

    srand(7);
    for (int i = 0; i < 100000; i++) {
        int k = rand() % 2000, popped;
        if (in[k] && rand() % 4 == 0) {
            queue_remove(queue, &items[k]);
            in[k] = false;
            expected--;
        } else if (!in[k] &&
                   queue_push(queue, &items[k], (uint64_t)(rand() % 17), 1 + k % 5, &out)) {
            in[k] = true;
            expected += !out;
            if (out)
                in[out - items] = false;
        } else if (rand() % 2 && (popped = pop()) >= 0) {
            ck_assert(in[popped]);
            in[popped] = false;
            expected--;
        }
        ck_assert_uint_eq(queue_length(queue), expected);
        ck_assert_uint_le(expected, LIMIT);
    }
}
END_TEST

START_TEST(timers_in_order)
{
    static struct timer timer[500];
    struct timers timers = {0};
    int64_t last = -1;

    srand(3);
    for (int i = 0; i < 500; i++)
        timers_set(&timers, &timer[i], rand() % 1000);
    for (int i = 0; i < 500; i += 5)
        timers_unset(&timers, &timer[i]);
    for (int i = 1; i < 500; i += 5)
        timers_set(&timers, &timer[i], rand() % 2000);
    timers_unset(&timers, &timer[0]);
    ck_assert_uint_eq(timers.count, 400);
    for (struct timer *t; (t = timers_first(&timers)); timers_unset(&timers, t)) {
        ck_assert_int_ge(t->due_us, last);
        last = t->due_us;
    }
    timers_drop(&timers);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("queue");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, first_in_first_out);
    tcase_add_test(tests, callers_take_turns);
    tcase_add_test(tests, big_ones_count_more);
    tcase_add_test(tests, full_refuses);
    tcase_add_test(tests, longest_line_gives_way);
    tcase_add_test(tests, front_comes_first);
    tcase_add_test(tests, any_can_be_removed);
    tcase_add_test(tests, keeps_count);
    tcase_add_test(tests, timers_in_order);
    return check_run("queue", tests);
}
