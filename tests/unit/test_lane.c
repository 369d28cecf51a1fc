/* A lane's queue: order, closing, and for how long nobody has taken anything. */
#include <time.h>

#include "common/daemon.h"
#include "tests/unit/check_main.h"

static struct lane_queue q;
static struct job jobs[3];

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

START_TEST(first_in_first_out)
{
    for (int i = 0; i < 3; i++)
        lane_queue_put(&q, &jobs[i]);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_eq(lane_queue_poll(&q), &jobs[i]);
    ck_assert_ptr_null(lane_queue_poll(&q));
    lane_queue_close(&q);
    ck_assert(lane_queue_over(&q));
    ck_assert_ptr_null(lane_queue_take(&q));
}
END_TEST

/* What the watchdog looks at. */
START_TEST(stuck)
{
    int64_t before;

    ck_assert_int_eq(lane_queue_stuck_us(&q), 0);
    lane_queue_put(&q, &jobs[0]);
    pause_ms(30);
    lane_queue_put(&q, &jobs[1]); /* does not hide that the first one waits */
    ck_assert_int_ge(lane_queue_stuck_us(&q), 30000);
    pause_ms(30);
    ck_assert_int_ge(lane_queue_stuck_us(&q), 60000);
    before = q.moved_us;
    lane_queue_take(&q); /* it moves */
    ck_assert_int_ge(q.moved_us, before + 60000);
    lane_queue_take(&q);
    ck_assert_int_eq(lane_queue_stuck_us(&q), 0); /* nothing waits */
    pause_ms(50);
    before = q.moved_us;
    lane_queue_put(&q, &jobs[2]); /* the quiet time before does not count */
    ck_assert_int_ge(q.moved_us, before + 50000);
}
END_TEST

static void setup(void)
{
    lane_queue_init(&q);
}

int main(void)
{
    TCase *t = tcase_create("lane");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, first_in_first_out);
    tcase_add_test(t, stuck);
    return check_run("lane", t);
}
