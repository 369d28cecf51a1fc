/* Names of the provider's copies, and their pauses. */
#include <string.h>

#include "filed/copy_name.h"
#include "tests/unit/check_main.h"

static const char *name_of(int64_t file, int64_t try, const char *filename)
{
    static char name[COPY_NAME_MAX];

    copy_name("0123456789abcdef", file, try, filename, name);
    return name;
}

START_TEST(a_name_has_installation_file_and_try)
{
    ck_assert_str_eq(name_of(12, 3, "notes"), "cbp-0123456789abcdef-12-3");
}
END_TEST

START_TEST(plain_extensions_are_kept)
{
    ck_assert_str_eq(name_of(1, 1, "a.pdf"), "cbp-0123456789abcdef-1-1.pdf");
    ck_assert_str_eq(name_of(1, 1, "Report.final.DOCX"), "cbp-0123456789abcdef-1-1.docx");
    ck_assert_str_eq(name_of(1, 1, ".bashrc"), "cbp-0123456789abcdef-1-1");
    ck_assert_str_eq(name_of(1, 1, "a."), "cbp-0123456789abcdef-1-1");
    ck_assert_str_eq(name_of(1, 1, "a.\"x"), "cbp-0123456789abcdef-1-1");
    ck_assert_str_eq(name_of(1, 1, "a.p f"), "cbp-0123456789abcdef-1-1");
    ck_assert_str_eq(name_of(1, 1, "a.123456789"), "cbp-0123456789abcdef-1-1");
    ck_assert_str_eq(name_of(1, 1, "a.\xc3\xa9"), "cbp-0123456789abcdef-1-1");
}
END_TEST

START_TEST(names_are_read_back)
{
    int64_t file = 0, try = 0;

    ck_assert(copy_name_read(name_of(INT64_MAX - 9, 77, "x.txt"), "0123456789abcdef", &file, &try));
    ck_assert_int_eq(file, INT64_MAX - 9);
    ck_assert_int_eq(try, 77);
    ck_assert(copy_name_read("cbp-i-5-1", "i", &file, &try));
    ck_assert_int_eq(file, 5);
    ck_assert_int_eq(try, 1);
}
END_TEST

START_TEST(other_names_are_nobodys)
{
    static const char *const others[] = {
        "",
        "cbp-",
        "cbp-i",
        "cbp-i-",
        "cbp-i-5",
        "cbp-i-5-",
        "cbp-i-5-0",
        "cbp-i-05-1",
        "cbp-i-5-1x",
        "cbp-i-5-1-1",
        "cbp-i--5-1",
        "cbp-i-5--1",
        "cbp-ii-5-1",
        "xcbp-i-5-1",
        "cbp-I-5-1",
        "report.pdf",
        "cbp-i-a-1.txt",
        "cbp-i-5-1\n",
        "cbp-i-+5-1",
        "cbp-i- 5-1",
        "cbp-i-99999999999999999999-1",
        "cbp-i-1-99999999999999999999",
    };
    int64_t file, try;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg(!copy_name_read(others[i], "i", &file, &try), "%s", others[i]);
}
END_TEST

START_TEST(pauses_double_and_end)
{
    ck_assert_int_eq(copy_wait_ms(1, -1, 0), 500);
    ck_assert_int_eq(copy_wait_ms(2, -1, 0), 1000);
    ck_assert_int_eq(copy_wait_ms(20, -1, 0), 300000);
    ck_assert_int_eq(copy_wait_ms(1000000, -1, 0), 300000);
    for (uint32_t random = 0; random < 1000; random += 7) {
        int64_t wait = copy_wait_ms(3, -1, random * 4000037);
        ck_assert(wait > 1500 && wait <= 2000);
    }
}
END_TEST

START_TEST(what_is_asked_for_is_a_minimum)
{
    ck_assert_int_eq(copy_wait_ms(1, 7000, 0), 7000);
    ck_assert_int_eq(copy_wait_ms(1, 0, 0), 500);
    ck_assert_int_eq(copy_wait_ms(1, 86400000, 0), 3600000);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("copy_name");

    tcase_add_test(t, a_name_has_installation_file_and_try);
    tcase_add_test(t, plain_extensions_are_kept);
    tcase_add_test(t, names_are_read_back);
    tcase_add_test(t, other_names_are_nobodys);
    tcase_add_test(t, pauses_double_and_end);
    tcase_add_test(t, what_is_asked_for_is_a_minimum);
    return check_run("copy_name", t);
}
