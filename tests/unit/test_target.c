/* Request targets: paths and queries decoded strictly, and written back. */
#include <string.h>

#include "common/text.h"
#include "gateway/http/target.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

START_TEST(paths)
{
    static const struct {
        const char *raw, *decoded;
        int status;
    } cases[] = {
        {"/", "/", DONE},
        {"/projects/7", "/projects/7", DONE},
        {"/p%72ojects/%37", "/projects/7", DONE},
        {"/%e2%82%ac", "/\xe2\x82\xac", DONE},
        {"/a+b", "/a+b", DONE},
        {"/%2e%2e/x", "/../x", DONE},
        {"/a%2Fb", NULL, NOT_FOUND},
        {"/%00", NULL, BAD_REQUEST},
        {"/%0a", NULL, BAD_REQUEST},
        {"/%7f", NULL, BAD_REQUEST},
        {"/%", NULL, BAD_REQUEST},
        {"/%4", NULL, BAD_REQUEST},
        {"/%4g", NULL, BAD_REQUEST},
        {"/%g4", NULL, BAD_REQUEST},
        {"/%ff", NULL, BAD_REQUEST},
        {"/%c0%af", NULL, BAD_REQUEST},
        {"/%ed%a0%80", NULL, BAD_REQUEST},
        {"/%2f%00", NULL, BAD_REQUEST},
    };
    char decoded[64];
    const char *why;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = path_decode(cases[i].raw, decoded, &why);
        ck_assert_msg(r == cases[i].status, "%s: %d", cases[i].raw, r);
        if (r == DONE)
            ck_assert_str_eq(decoded, cases[i].decoded);
    }
}
END_TEST

static void pair_is(const char **at, const char *name, const char *value)
{
    char buf[64];
    struct query_pair p;

    ck_assert_int_eq(query_next(at, buf, &p), 1);
    ck_assert_str_eq(p.name, name);
    ck_assert_str_eq(p.value, value);
    ck_assert(!p.nul);
}

START_TEST(queries)
{
    const char *at = "&&limit=5&q=a+b%20c%2B&flag&empty=&=x&a=b=c&";
    char buf[64];
    struct query_pair p;

    pair_is(&at, "limit", "5");
    pair_is(&at, "q", "a b c+");
    pair_is(&at, "flag", "");
    pair_is(&at, "empty", "");
    pair_is(&at, "", "x");
    pair_is(&at, "a", "b=c");
    ck_assert_int_eq(query_next(&at, buf, &p), 0);
    at = NULL;
    ck_assert_int_eq(query_next(&at, buf, &p), 0);
}
END_TEST

START_TEST(broken_queries)
{
    static const char *const bad[] = {"a=%", "a=%4", "%zz=1", "a%00=1", "a=%ff", "%c3=1"};
    char buf[64];
    struct query_pair p;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *at = bad[i];
        ck_assert_msg(query_next(&at, buf, &p) == -1, "%s", bad[i]);
    }
}
END_TEST

START_TEST(a_nul_in_a_value_is_told)
{
    const char *at = "limit=1%002&after=3";
    char buf[64];
    struct query_pair p;

    ck_assert_int_eq(query_next(&at, buf, &p), 1);
    ck_assert(p.nul);
    ck_assert_str_eq(p.name, "limit");
    pair_is(&at, "after", "3");
}
END_TEST

START_TEST(written_back)
{
    struct text t = {0};

    target_escape(&t, "a b>&\"\xe2\x82\xac~-._9Z");
    ck_assert_str_eq(t.data, "a%20b%3E%26%22%E2%82%AC~-._9Z");
    text_drop(&t);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("target");

    tcase_add_test(tests, paths);
    tcase_add_test(tests, queries);
    tcase_add_test(tests, broken_queries);
    tcase_add_test(tests, a_nul_in_a_value_is_told);
    tcase_add_test(tests, written_back);
    return check_run("target", tests);
}
