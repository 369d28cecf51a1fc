/* A database that is away: said at once and ever less often, and once when it is back. */
#include "common/db_away.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/check_main.h"

/* The monotonic clock of this program: it goes on only when told, however busy the machine is.
 * Check measures by it, too, and counts at most 35 minutes. */
static int64_t now_ms = 3600000;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    if (clock != CLOCK_MONOTONIC)
        return (int)syscall(SYS_clock_gettime, clock, ret);
    *ret = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

static FILE *said;

/* Lines that were written so far which hold text. */
static int lines(const char *text)
{
    char line[1000];
    int n = 0;

    rewind(said);
    while (fgets(line, sizeof line, said))
        n += strstr(line, text) != NULL;
    return n;
}

/* As often as threads try to connect. */
static void away_for(int ms)
{
    for (; ms > 0; ms -= 50) {
        db_away("db_connect", "-", "no \"such\" server\n");
        now_ms += 50;
    }
}

START_TEST(few_lines_while_it_is_away)
{
    db_back();
    ck_assert_int_eq(lines("event="), 0);
    db_away("db_lost", "prompt_create", "it closed the connection");
    ck_assert_int_eq(lines("<4>"), 1);
    ck_assert_int_eq(lines("event=db_lost query=prompt_create what=\"it closed the connection\""),
                     1);
    away_for(2500); /* 0, 1 and 3 s after the first */
    ck_assert_int_eq(lines("event=db_"), 2);
    db_back();
    db_back();
    ck_assert_int_eq(lines("<5>"), 1);
    ck_assert_int_eq(lines("event=db_back away_ms=2500\n"), 1);
    away_for(500); /* the rest of the pool notices: nothing new */
    ck_assert_int_eq(lines("event=db_"), 3);
    now_ms += 500;
    away_for(50);
    ck_assert_int_eq(lines("event=db_"), 4);
}
END_TEST

/* After 1, 2, 4, 8, 16 and 32 s, and then each minute. */
START_TEST(ever_less_often)
{
    away_for(63000);
    ck_assert_int_eq(lines("event=db_connect"), 6);
    away_for(50);
    ck_assert_int_eq(lines("event=db_connect"), 7);
    away_for(1500000);
    ck_assert_int_eq(lines("event=db_connect"), 32);
    db_back();
    ck_assert_int_eq(lines("event=db_back away_ms=1563050\n"), 1);
    now_ms += 1000;
    away_for(1050); /* from the beginning again */
    ck_assert_int_eq(lines("event=db_connect"), 34);
}
END_TEST

static void setup(void)
{
    said = tmpfile();
    ck_assert(said && dup2(fileno(said), STDERR_FILENO) >= 0);
}

int main(void)
{
    TCase *t = tcase_create("db_away");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, few_lines_while_it_is_away);
    tcase_add_test(t, ever_less_often);
    return check_run("db_away", t);
}
