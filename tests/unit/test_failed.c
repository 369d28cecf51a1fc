/* chatd/failed.h: every code that a turn may fail with says what to do. */
#include "chatd/failed.h"

#include <string.h>

#include "common/json.h"
#include "tests/unit/check_main.h"

#define DETAIL_MAX 500

static const char *const codes[] = {
    "upstream_auth",   "upstream_refused",    "upstream_rate", "upstream_cut",
    "timeout_connect", "timeout_first_token", "timeout_idle",  "timeout_total",
    "too_long",        "interrupted",         "internal",
};

START_TEST(what_to_do)
{
    enum status error = (enum status)api_status_coded(codes[_i]);
    char again[DETAIL_MAX], otherwise[DETAIL_MAX], own[DETAIL_MAX];

    failed_detail(again, sizeof again, error, true, "it broke");
    ck_assert_ptr_eq(strstr(again, "it broke; "), again);
    ck_assert_uint_gt(strlen(again), strlen("it broke; ") + 10);
    failed_detail(otherwise, sizeof otherwise, error, false, "it broke");
    ck_assert_ptr_eq(strstr(otherwise, "it broke; "), otherwise);
    failed_detail(own, sizeof own, error, true, "");
    ck_assert_ptr_eq(strstr(own, api_text(error)), own);
    failed_detail(otherwise, sizeof otherwise, error, true, NULL);
    ck_assert_str_eq(own, otherwise);
}
END_TEST

START_TEST(long_words_are_cut)
{
    char what[DETAIL_MAX * 2], ret[DETAIL_MAX];

    for (size_t from = 0; from < 3; from++) {
        memset(what, 'x', from);
        for (size_t i = from; i + 3 < sizeof what; i += 3)
            memcpy(what + i, "\xe2\x82\xac", 4);
        failed_detail(ret, sizeof ret, TIMEOUT_IDLE, true, what);
        ck_assert(utf8_check(ret, strlen(ret)));
        ck_assert_uint_ge(strlen(ret), DETAIL_MAX - 4);
        ck_assert_str_eq(ret + strlen(ret) - strlen("; send it again"), "; send it again");
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("failed");

    tcase_add_loop_test(t, what_to_do, 0, (int)(sizeof codes / sizeof *codes));
    tcase_add_test(t, long_words_are_cut);
    return check_run("failed", t);
}
