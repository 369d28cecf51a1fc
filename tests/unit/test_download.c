/* gateway/download and gateway/http/pace: names in headers, and how slow a client may be. */
#include "gateway/download.h"

#include "common/text.h"
#include "gateway/http/pace.h"
#include "tests/unit/check_main.h"

static void names(const char *filename, const char *expected)
{
    struct text t = {0};

    disposition_write(&t, filename);
    ck_assert_str_eq(t.data, expected);
    text_drop(&t);
}

START_TEST(dispositions)
{
    names("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt");
    names("a b\"c\\d/e%f",
          "attachment; filename=\"a b_c_d_e_f\"; filename*=UTF-8''a%20b%22c%5Cd%2Fe%25f");
    names("\303\274\360\237\230\200;x",
          "attachment; filename=\"__;x\"; filename*=UTF-8''%C3%BC%F0%9F%98%80%3Bx");
    names("a\r\nSet-Cookie: b", "attachment; filename=\"a__Set-Cookie: b\"; "
                                "filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b");
}
END_TEST

START_TEST(paces)
{
    struct pace p = pace_new(8192);

    ck_assert_int_eq(pace_ms(&p), 10000);
    for (int i = 0; i < 1000; i++) /* just fast enough, for ever */
        pace_count(&p, 8192, 1000000);
    ck_assert_int_eq(pace_ms(&p), 10000);
    for (int i = 0; i < 19; i++) { /* half of it: 20 s */
        ck_assert_int_gt(p.left_us, 0);
        pace_count(&p, 4096, 1000000);
    }
    ck_assert_int_eq(pace_ms(&p), 500);
    pace_count(&p, 0, 600000);
    ck_assert_int_eq(pace_ms(&p), 1);
    pace_count(&p, 100 << 20, 0); /* time is not saved up */
    ck_assert_int_eq(pace_ms(&p), 10000);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("download");

    tcase_add_test(tests, dispositions);
    tcase_add_test(tests, paces);
    return check_run("download", tests);
}
