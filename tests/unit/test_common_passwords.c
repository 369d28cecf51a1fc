/* The list of common passwords: what is in it is found, whatever its case. */
#include <stdio.h>
#include <string.h>

#include "authd/common_passwords.h"
#include "authd/password.h"
#include "tests/unit/check_main.h"

START_TEST(every_line_is_found)
{
    FILE *list = fopen("authd/common_passwords.txt", "re");
    char line[64], last[64] = "";
    int count = 0;

    ck_assert_ptr_nonnull(list);
    for (; fgets(line, sizeof line, list); count++) {
        char upper[64];
        line[strcspn(line, "\n")] = '\0';
        ck_assert_msg(strcmp(last, line) < 0, "%s comes before %s", last, line);
        memcpy(last, line, sizeof last);
        ck_assert_msg(password_is_common(line), "%s", line);
        for (size_t i = 0; i <= strlen(line); i++)
            upper[i] = line[i] >= 'a' && line[i] <= 'z' ? (char)(line[i] & ~0x20) : line[i];
        ck_assert_msg(password_is_common(upper), "%s", upper);
    }
    fclose(list);
    ck_assert_int_eq(count, 10000);
}
END_TEST

START_TEST(others_are_not)
{
    static const char *const fine[] = {"",
                                       "\n",
                                       "SecurePass123",
                                       "123456\n1234567",
                                       "zzzzzzzzzzzzzzzz9",
                                       "!",
                                       "correct horse battery staple"};

    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        ck_assert_msg(!password_is_common(fine[i]), "%s", fine[i]);
}
END_TEST

START_TEST(the_rules_use_it)
{
    ck_assert_str_eq(password_check("Password1"), "is one of the most common passwords");
    ck_assert_str_eq(password_check("PASSW0RD"), "is one of the most common passwords");
    ck_assert_str_eq(password_check("password"), "must contain a digit");
    ck_assert_ptr_null(password_check("SecurePass123"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("common_passwords");

    tcase_add_test(tests, every_line_is_found);
    tcase_add_test(tests, others_are_not);
    tcase_add_test(tests, the_rules_use_it);
    return check_run("common_passwords", tests);
}
