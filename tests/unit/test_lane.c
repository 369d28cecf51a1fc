/* A lane's queue: order, closing, and for how long nobody has taken anything. */
#include <stdatomic.h>

#include "common/daemon.h"
#include "tests/unit/check_main.h"
#include "tests/unit/eventually.h"

static struct lane_queue q;
static struct job jobs[3];

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

static atomic_int taken[3]; /* jobs, of each worker */

static void *worker(void *number)
{
    while (lane_queue_take(&q))
        atomic_fetch_add(&taken[(intptr_t)number], 1);
    return NULL;
}

static void all_idle_wait(void)
{
    int n = 0;

    while (n < 3) {
        pause_ms(1);
        n = 0;
        pthread_mutex_lock(&q.lock);
        for (const struct idle *i = q.idle; i; i = i->below)
            n++;
        pthread_mutex_unlock(&q.lock);
    }
}

/* One job after another goes to the worker that is warm. */
START_TEST(last_worker_first)
{
    pthread_t threads[3];
    int last = 0;

    for (intptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, worker, (void *)i);
    for (int n = 0; n < 30; n++) {
        all_idle_wait();
        lane_queue_put(&q, &jobs[0]);
    }
    all_idle_wait();
    lane_queue_close(&q);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        last += taken[i] == 30;
    }
    ck_assert_int_eq(last, 1);
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
    tcase_add_test(t, last_worker_first);
    return check_run("lane", t);
}
