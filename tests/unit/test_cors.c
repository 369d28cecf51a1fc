/* CORS: which origins a list allows, and which lists are refused. */
#include <string.h>

#include "common/cleanup.h"
#include "gateway/cors.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

static struct cors *list(const char *text)
{
    struct cors *c = NULL;
    const char *bad;

    ck_assert_int_eq(cors_new(text, &c, &bad), DONE);
    return c;
}

START_TEST(none)
{
    cleanup(cors_drop) struct cors *c = list("");

    ck_assert(!cors_on(c));
    ck_assert_ptr_null(cors_allow(c, "https://a.example"));
    ck_assert_ptr_null(cors_allow(c, "null"));
}
END_TEST

START_TEST(some)
{
    cleanup(cors_drop) struct cors *c = list("https://a.example, http://localhost:5173,,");

    ck_assert(cors_on(c));
    ck_assert_str_eq(cors_allow(c, "https://a.example"), "https://a.example");
    ck_assert_str_eq(cors_allow(c, "HTTPS://A.example"), "HTTPS://A.example"); /* to be compared */
    ck_assert_str_eq(cors_allow(c, "http://localhost:5173"), "http://localhost:5173");
    ck_assert_ptr_null(cors_allow(c, "http://localhost:5174"));
    ck_assert_ptr_null(cors_allow(c, "http://a.example"));
    ck_assert_ptr_null(cors_allow(c, "https://a.example.evil"));
    ck_assert_ptr_null(cors_allow(c, "https://b.a.example"));
    ck_assert_ptr_null(cors_allow(c, "null"));
    ck_assert_ptr_null(cors_allow(c, ""));
}
END_TEST

START_TEST(all)
{
    cleanup(cors_drop) struct cors *c = list("*");

    ck_assert(cors_on(c));
    ck_assert_str_eq(cors_allow(c, "null"), "*");
    ck_assert_str_eq(cors_allow(c, "https://x.example"), "*");
}
END_TEST

START_TEST(no_origins)
{
    static const char *const bad[] = {"a.example",           "https://",
                                      "ftp://a.example",     "https://a.example/",
                                      "https://u@a.example", "https://a.example, x",
                                      "https://a.example?x"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cors *c = NULL;
        const char *origin = NULL;
        ck_assert_msg(cors_new(bad[i], &c, &origin) == BAD_INPUT, "%s", bad[i]);
        ck_assert_ptr_null(c);
        ck_assert(origin >= bad[i] && origin < bad[i] + strlen(bad[i]));
    }
}
END_TEST

/* A list that a reload replaced is there until its successor goes. */
START_TEST(replaced)
{
    struct cors *before = list("https://a.example");
    cleanup(cors_drop) struct cors *c = list("https://b.example");

    cors_replace(c, before);
    ck_assert_str_eq(cors_allow(before, "https://a.example"), "https://a.example");
    ck_assert_ptr_null(cors_allow(c, "https://a.example"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("cors");

    tcase_add_test(tests, none);
    tcase_add_test(tests, some);
    tcase_add_test(tests, all);
    tcase_add_test(tests, no_origins);
    tcase_add_test(tests, replaced);
    return check_run("cors", tests);
}
