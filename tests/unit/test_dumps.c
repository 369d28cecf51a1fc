/* A process that crashes leaves nothing of its memory behind. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/dumps.h"
#include "tests/unit/check_main.h"

START_TEST(a_crash_writes_no_core)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_CORE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_CORE, &limit);
        dumps_prevent();
        signal(SIGABRT, SIG_DFL);
        kill(getpid(), SIGABRT);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert(!WCOREDUMP(status));
}
END_TEST

START_TEST(nobody_else_looks_in)
{
    struct rlimit limit;

    dumps_prevent();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 0);
    ck_assert_uint_eq(limit.rlim_max, 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("dumps");

    tcase_add_test(t, a_crash_writes_no_core);
    tcase_add_test(t, nobody_else_looks_in);
    return check_run("dumps", t);
}
