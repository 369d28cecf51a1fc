/* filed/tar: headers as tar(1) and POSIX know them. */
#include "filed/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/check_main.h"

START_TEST(a_header_is_what_posix_says)
{
    char h[TAR_BLOCK];
    unsigned sum = 0;

    tar_header(h, "files/a.json", 5, 1700000000);
    ck_assert_str_eq(h, "files/a.json");
    ck_assert_str_eq(h + 100, "0000600");
    ck_assert_str_eq(h + 124, "00000000005");
    ck_assert_str_eq(h + 136, "14524770400");
    ck_assert_int_eq(h[156], '0');
    ck_assert_int_eq(memcmp(h + 257, "ustar\00000", 8), 0);
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
    ck_assert_uint_eq(strtoul(h + 148, NULL, 8), sum);
    ck_assert_int_eq(h[154], '\0');
    ck_assert_int_eq(h[155], ' ');
}
END_TEST

START_TEST(the_largest_fit)
{
    char h[TAR_BLOCK], name[TAR_NAME_MAX + 1];

    memset(name, 'n', TAR_NAME_MAX);
    name[TAR_NAME_MAX] = '\0';
    tar_header(h, name, TAR_SIZE_MAX, 1);
    ck_assert_str_eq(h, name);
    ck_assert_str_eq(h + 124, "77777777777");
}
END_TEST

START_TEST(contents_end_with_a_block)
{
    ck_assert_int_eq(tar_padding(0), 0);
    ck_assert_int_eq(tar_padding(1), 511);
    ck_assert_int_eq(tar_padding(512), 0);
    ck_assert_int_eq(tar_padding(INT64_C(5) << 30), 0);
    ck_assert_int_eq(tar_padding((INT64_C(5) << 30) + 513), 511);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tar");

    tcase_add_test(tests, a_header_is_what_posix_says);
    tcase_add_test(tests, the_largest_fit);
    tcase_add_test(tests, contents_end_with_a_block);
    return check_run("tar", tests);
}
