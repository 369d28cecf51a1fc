/* A thread that computes offers its processor while it does so, and only then. */
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/priority.h"
#include "tests/unit/check_main.h"

#define LIMIT_US 10000000

static atomic_int offered, elsewhere;
static pid_t computing;

/* In place of the C library's, which the signal's handler calls. */
int sched_yield(void)
{
    atomic_fetch_add((pid_t)syscall(SYS_gettid) == computing ? &offered : &elsewhere, 1);
    return 0;
}

static void compute_until(int count)
{
    int64_t end = clock_us() + LIMIT_US;

    while (atomic_load(&offered) < count && clock_us() < end)
        ;
}

START_TEST(offers)
{
    struct offers o;
    int64_t end;
    int before;

    computing = (pid_t)syscall(SYS_gettid);
    offers_begin(&o);
    compute_until(5);
    offers_end(&o);
    ck_assert_int_ge(atomic_load(&offered), 5);
    before = atomic_load(&offered);
    for (end = clock_us() + 20000; clock_us() < end;)
        ;
    ck_assert_int_eq(atomic_load(&offered), before);
    ck_assert_int_eq(atomic_load(&elsewhere), 0);
    offers_begin(&o); /* as often as one likes */
    compute_until(before + 1);
    offers_end(&o);
    ck_assert_int_gt(atomic_load(&offered), before);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("priority");

    tcase_set_timeout(t, 30);
    tcase_add_test(t, offers);
    return check_run("priority", t);
}
