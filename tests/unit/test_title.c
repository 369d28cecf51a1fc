/* Titles out of what models say. */
#include <check.h>
#include <string.h>

#include "chatd/titles.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

static const struct {
    const char *said, *title;
} cases[] = {
    {"Old ships of Amsterdam", "Old ships of Amsterdam"},
    {"\"Old ships\"", "Old ships"},
    {"**Title:** Old ships.\n\nHere is why ...", "Old ships"},
    {"# Old ships", "Old ships"},
    {"\n  \n\t\"\"\nOld ships\n", "Old ships"},
    {"\u201eAlte Schiffe\u201c", "Alte Schiffe"},
    {"\u00abVieux bateaux\u00bb.", "Vieux bateaux"},
    {"What's new?", "What's new?"},
    {"a\tb\x01"
     "c",
     "a b c"},
    {"\x15Old ships\x7f", "Old ships"},
    {"title: ", ""},
    {"", ""},
    {"\"'`*#_ .", ""},
};

START_TEST(what_stands_around_goes)
{
    cleanup(text_drop) struct text out = {0};

    title_clean(&out, cases[_i].said, strlen(cases[_i].said));
    ck_assert_str_eq(out.size ? out.data : "", cases[_i].title);
}
END_TEST

static void clean_repeated(struct text *out, const char *word, size_t bytes)
{
    cleanup(text_drop) struct text said = {0};

    while (said.size < bytes)
        text_puts(&said, word);
    title_clean(out, said.data, said.size);
}

START_TEST(long_ones_are_cut_between_words)
{
    cleanup(text_drop) struct text words = {0};
    cleanup(text_drop) struct text one = {0};

    clean_repeated(&words, "seven7 ", 1000);
    ck_assert_uint_eq(words.size % 7, 6);
    ck_assert_uint_le(words.size, TITLE_MAX);
    ck_assert_uint_ge(words.size, TITLE_MAX - 8);
    clean_repeated(&one, "\u20ac", 1000);
    ck_assert_uint_eq(one.size, TITLE_MAX);
    clean_repeated(&one, "x\u20ac", 1000);
    ck_assert(utf8_check(one.data, one.size));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("title");

    tcase_add_loop_test(t, what_stands_around_goes, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, long_ones_are_cut_between_words);
    return check_run("title", t);
}
