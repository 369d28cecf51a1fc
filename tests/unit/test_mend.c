/* chatd/upstream/mend.h: foreign text made fit, and the key taken out of it. */
#include "chatd/upstream/mend.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define R        "\xef\xbf\xbd"
#define KEY      "sk-0123456789abcdef"

static const struct {
    const char *from, *to;
} json_cases[] = {
    {"\"plain\"", "\"plain\""},
    {"\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
    {"\"a\xff"
     "b\"",
     "\"a" R "b\""},
    {"\"\xf0\x9f\x98\"", "\"" R R R "\""},
    {"\"\xed\xa0\x80\"", "\"" R R R "\""},
    {"\"\xc3\"", "\"" R "\""},
    {"\"\\u00e9\"", "\"\\u00e9\""},
    {"\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
    {"\"\\uD83D\\uDE00\"", "\"\\uD83D\\uDE00\""},
    {"\"\\ud83d\"", "\"\\ufffd\""},
    {"\"\\ud83dx\"", "\"\\ufffdx\""},
    {"\"\\ude00\"", "\"\\ufffd\""},
    {"\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\""},
    {"\"\\ud83d\\u0041\"", "\"\\ufffd\\u0041\""},
    {"\"\\u0000\"", "\"\\ufffd\""},
    {"\"\\\\u0000\"", "\"\\\\u0000\""}, /* a backslash and four digits */
    {"\"\\\\\\u0000\"", "\"\\\\\\ufffd\""},
    {"\"\\u00\x10\x10\"", "\"\\u00\x10\x10\""},
    {"\"\\u12\"", "\"\\u12\""},
    {"\"\\u", "\"\\u"},
    {"\"\\", "\"\\"},
    {"\\\xff\\u00e9", "\\" R "\\u00e9"},
};

START_TEST(json)
{
    cleanup(text_drop) struct text scratch = {0};
    const char *data = json_cases[_i].from;
    size_t size = strlen(data);

    mend_json(&scratch, &data, &size);
    ck_assert_str_eq(data, json_cases[_i].to);
    ck_assert_uint_eq(size, strlen(json_cases[_i].to));
    ck_assert(utf8_check(data, size));
}
END_TEST

static const struct {
    const char *from, *to;
} line_cases[] = {
    {"", ""},
    {"plain", "plain"},
    {"two\r\nlines\tand \x1b[31mred\x7f", "two  lines and  [31mred "},
    {"\xc2\x85"
     "c1",
     " c1"},
    {"bad \xff utf\xc3", "bad " R " utf" R},
    {KEY, "[key]"},
    {"wrong key: " KEY ". And " KEY KEY "!", "wrong key: [key]. And [key][key]!"},
    {"sk-0123456789abcde", "sk-0123456789abcde"},
};

START_TEST(line)
{
    char out[100];

    mend_line(out, sizeof out, line_cases[_i].from, strlen(line_cases[_i].from), KEY);
    ck_assert_str_eq(out, line_cases[_i].to);
}
END_TEST

START_TEST(line_is_cut_at_a_code_point)
{
    char out[8];

    mend_line(out, sizeof out, "123456789", 9, NULL);
    ck_assert_str_eq(out, "1234567");
    mend_line(out, sizeof out, "123456\xc3\xa9", 8, NULL);
    ck_assert_str_eq(out, "123456");
    mend_line(out, sizeof out, "1234" KEY, 4 + strlen(KEY), KEY);
    ck_assert_str_eq(out, "1234");
    mend_line(out, sizeof out, NULL, 0, KEY);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(short_words_are_no_secrets)
{
    char out[20];

    mend_line(out, sizeof out, "my demo model", 13, "demo");
    ck_assert_str_eq(out, "my demo model");
}
END_TEST

START_TEST(id)
{
    char out[8];

    mend_id(out, sizeof out, "req_1-a.b", KEY);
    ck_assert_str_eq(out, "req_1-a");
    mend_id(out, sizeof out, "a b", KEY);
    ck_assert_str_eq(out, "a");
    mend_id(out, sizeof out, "a\"b", KEY);
    ck_assert_str_eq(out, "a");
    mend_id(out, sizeof out, "x\xc3\xa9", NULL);
    ck_assert_str_eq(out, "x");
    mend_id(out, sizeof out, "r" KEY, KEY);
    ck_assert_str_eq(out, "");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("mend");

    tcase_add_loop_test(tests, json, 0, COUNT(json_cases));
    tcase_add_loop_test(tests, line, 0, COUNT(line_cases));
    tcase_add_test(tests, line_is_cut_at_a_code_point);
    tcase_add_test(tests, short_words_are_no_secrets);
    tcase_add_test(tests, id);
    return check_run("mend", tests);
}
