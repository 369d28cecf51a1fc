/* common/env_file.h: the syntax of files of settings. */
#include "common/env_file.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *line, *name, *value; /* no name: refused, and value says why; no value: skipped */
} lines[] = {
    {"A=b", "A", "b"},
    {"A=", "A", ""},
    {"A=b=c", "A", "b=c"},
    {"A=b c", "A", "b c"},
    {"  A = b  ", "A", "b"},
    {"A\t=\tb\t", "A", "b"},
    {"A=\"b c\"", "A", "b c"},
    {"A='b c'", "A", "b c"},
    {"A=\"\"", "A", ""},
    {"A=\" b \"", "A", " b "},
    {"A=\"b#c\" # comment", "A", "b#c"},
    {"A='it \"is\"'", "A", "it \"is\""},
    {"A=your-'actual-api-key-here'", "A", "your-'actual-api-key-here'"},
    {"A=b\\nc", "A", "b\\nc"},
    {"A=b # comment", "A", "b"},
    {"A=b#c", "A", "b#c"},
    {"A=#b", "A", "#b"},
    {"A= # comment", "A", ""},
    {"A=b # c # d", "A", "b"},
    {"A=b \t#", "A", "b"},
    {"export A=b", "A", "b"},
    {"export\tA=b", "A", "b"},
    {"  export  A=b", "A", "b"},
    {"exportA=b", "exportA", "b"},
    {"export=b", "export", "b"},
    {"A=b\r", "A", "b"},
    {"A=\"b\"\r", "A", "b"},
    {"\xef\xbb\xbf"
     "A=b",
     "A", "b"},
    {"", NULL, NULL},
    {"   ", NULL, NULL},
    {"\r", NULL, NULL},
    {"# A=b", NULL, NULL},
    {"  # A=b", NULL, NULL},
    {"A", NULL, "NAME=VALUE was expected"},
    {"=b", NULL, "NAME=VALUE was expected"},
    {" =b", NULL, "NAME=VALUE was expected"},
    {"export =b", NULL, "NAME=VALUE was expected"},
    {"export  export =b", "export", "b"},
    {"A: b", NULL, "NAME=VALUE was expected"},
    {"A=\"b", NULL, "the quote is not closed"},
    {"A='b\"", NULL, "the quote is not closed"},
    {"A=\"", NULL, "the quote is not closed"},
    {"A=\"b\"c", NULL, "something follows the closing quote"},
};

START_TEST(lines_of_files)
{
    for (size_t i = 0; i < COUNT(lines); i++) {
        cleanup(text_drop) struct text t = {0};
        const char *name = NULL, *value = NULL, *why = NULL;
        struct env_reader r = {0};
        int result;
        text_puts(&t, lines[i].line);
        r.data = t.data;
        r.size = t.size;
        result = env_next(&r, &name, &value, &why);
        if (lines[i].name) {
            ck_assert_msg(result == 1, "%s", lines[i].line);
            ck_assert_str_eq(name, lines[i].name);
            ck_assert_str_eq(value, lines[i].value);
        } else if (lines[i].value) {
            ck_assert_msg(result == -1, "%s", lines[i].line);
            ck_assert_str_eq(why, lines[i].value);
        }
        ck_assert_int_eq(result ? env_next(&r, &name, &value, &why) : result, 0);
    }
}
END_TEST

START_TEST(line_numbers_and_wrong_lines)
{
    char data[] = "# one\r\nA=1\r\n\nwrong\nB\0=2\nC=3";
    struct env_reader r = {.data = data, .size = sizeof data - 1};
    const char *name, *value, *why;

    ck_assert_int_eq(env_next(&r, &name, &value, &why), 1);
    ck_assert_uint_eq(r.line, 2);
    ck_assert_str_eq(value, "1");
    ck_assert_int_eq(env_next(&r, &name, &value, &why), -1);
    ck_assert_uint_eq(r.line, 4);
    ck_assert_int_eq(env_next(&r, &name, &value, &why), -1);
    ck_assert_uint_eq(r.line, 5);
    ck_assert_str_eq(why, "it holds a NUL character");
    ck_assert_int_eq(env_next(&r, &name, &value, &why), 1);
    ck_assert_uint_eq(r.line, 6);
    ck_assert_str_eq(name, "C");
    ck_assert_int_eq(env_next(&r, &name, &value, &why), 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("env_file");

    tcase_add_test(t, lines_of_files);
    tcase_add_test(t, line_numbers_and_wrong_lines);
    return check_run("env_file", t);
}
