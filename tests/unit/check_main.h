#pragma once
/* main() of a unit test: runs one test case, each test in a process of its own. */
#include <check.h>
#include <stdlib.h>

/* How many times as late as elsewhere something may be here: builds that are slow by nature get
 * TEST_PATIENCE (1 to 9) from tests/sanitize. */
static inline int patience(void)
{
    const char *times = getenv("TEST_PATIENCE");

    return times && *times >= '1' ? *times - '0' : 1;
}

/* Runs it; EXIT_FAILURE when a test failed. */
static inline int check_run(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
