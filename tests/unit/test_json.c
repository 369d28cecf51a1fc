/* common/json.h: what a strict reader takes and refuses, and its limits. */
#include "common/json.h"

#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const good[] = {
    "{}",
    "[]",
    " \t\r\n[ ] \n",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "12",
    "1.5",
    "-0.0e+10",
    "1E5",
    "1e-5",
    "1e999",
    "123456789012345678901234567890",
    "-123456789012345678901234567890",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "\"\x7f\"",
    "{\"a\":1,\"b\":2}",
    "{\"\":1}",
    "{\"a\":{\"a\":{\"a\":1}}}",
    "[{\"a\":1},{\"a\":1}]",
    "{\"A\":1,\"a\":1}",
    "[1,[2,[3]],{}]",
    "{\"\\u0061\":1,\"b\":2}",
    " { \"a\" : [ 1 , 2 ] , \"b\" : null } ",
};

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "not a JSON value"},
    {" ", "not a JSON value"},
    {"nul", "not a JSON value"},
    {"nulll", "something follows the JSON value"},
    {"NULL", "not a JSON value"},
    {"True", "not a JSON value"},
    {"NaN", "not a JSON value"},
    {"Infinity", "not a JSON value"},
    {"-Infinity", "not a JSON value"},
    {"+1", "not a JSON value"},
    {"-", "not a JSON value"},
    {"01", "something follows the JSON value"},
    {"-01", "something follows the JSON value"},
    {".5", "not a JSON value"},
    {"1.", "not a JSON value"},
    {"1.e5", "not a JSON value"},
    {"1e", "not a JSON value"},
    {"1e+", "not a JSON value"},
    {"0x10", "something follows the JSON value"},
    {"1 2", "something follows the JSON value"},
    {"{}{}", "something follows the JSON value"},
    {"[1,]", "not a JSON value"},
    {"[,1]", "not a JSON value"},
    {"[1 2]", "a comma or ] was expected"},
    {"[1", "a comma or ] was expected"},
    {"[", "not a JSON value"},
    {"[1}", "a comma or ] was expected"},
    {"{", "a member name in quotes was expected"},
    {"{\"a\"}", "a colon was expected"},
    {"{\"a\":}", "not a JSON value"},
    {"{\"a\":1,}", "a member name in quotes was expected"},
    {"{\"a\":1", "a comma or } was expected"},
    {"{\"a\":1]", "a comma or } was expected"},
    {"{a:1}", "a member name in quotes was expected"},
    {"{'a':1}", "a member name in quotes was expected"},
    {"'a'", "not a JSON value"},
    {"{1:1}", "a member name in quotes was expected"},
    {"/* c */ {}", "not a JSON value"},
    {"{} // c", "something follows the JSON value"},
    {"\"", "a string without its end"},
    {"\"abc", "a string without its end"},
    {"\"a\nb\"", "a control character in a string"},
    {"\"a\tb\"", "a control character in a string"},
    {"\"\x1f\"", "a control character in a string"},
    {"\"\\", "bad escape in a string"},
    {"\"\\a\"", "bad escape in a string"},
    {"\"\\'\"", "bad escape in a string"},
    {"\"\\x41\"", "bad escape in a string"},
    {"\"\\U0041\"", "bad escape in a string"},
    {"\"\\u004\"", "bad escape in a string"},
    {"\"\\u004g\"", "bad escape in a string"},
    {"\"\\u00", "bad escape in a string"},
    {"\"\\ud83d\"", "a surrogate without its other half"},
    {"\"\\ud83d\\n\"", "a surrogate without its other half"},
    {"\"\\ud83dx\"", "a surrogate without its other half"},
    {"\"\\ud83d\\u0041\"", "a surrogate without its other half"},
    {"\"\\ud83d\\ud83d\"", "a surrogate without its other half"},
    {"\"\\ude00\"", "a surrogate without its other half"},
    {"\"\\ude00\\ud83d\"", "a surrogate without its other half"},
    {"\"\xff\"", "not valid UTF-8"},
    {"\"\xc0\xaf\"", "not valid UTF-8"},
    {"\"\xed\xa0\x80\"", "not valid UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "not valid UTF-8"},
    {"\"\xe2\x82\"", "not valid UTF-8"},
    {"\"\xe2\x82", "not valid UTF-8"},
    {"\xef\xbb\xbf{}", "it begins with a byte order mark"},
    {"\xc2\xa0{}", "not a JSON value"},
    {"{\"a\":1,\"a\":2}", "a member name is given twice"},
    {"{\"a\":1,\"b\":1,\"a\":{}}", "a member name is given twice"},
    {"[{\"x\":{\"\":1,\"\":2}}]", "a member name is given twice"},
    {"{\"a\":1,\"\\u0061\":2}", "a member name is given twice"},
    {"{\"\\u00e9\":1,\"\xc3\xa9\":2}", "a member name is given twice"},
    {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "a member name is given twice"},
    {"{\"\\/\":1,\"/\":2}", "a member name is given twice"},
    {"{\"\\u0000\":1}", "a NUL in a member name"},
    {"{\"a\\u0000b\":1}", "a NUL in a member name"},
};

START_TEST(good_texts_are_parsed)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        cleanup(json_drop) struct json_object *o = NULL;
        const char *why = NULL;
        /* without a NUL behind it */
        cleanup(free_drop) char *copy = malloc(strlen(good[i]));
        memcpy(copy, good[i], strlen(good[i]));
        ck_assert_msg(json_check(copy, strlen(good[i]), &why), "%s: %s", good[i], why);
        ck_assert_msg(json_parse(copy, strlen(good[i]), &o, &why) == DONE, "%s: %s", good[i], why);
        ck_assert((o == NULL) == (strcmp(good[i], "null") == 0));
    }
}
END_TEST

START_TEST(bad_texts_are_refused)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct json_object *o = NULL;
        const char *why = NULL;
        ck_assert_msg(!json_check(bad[i].text, strlen(bad[i].text), &why), "%s", bad[i].text);
        ck_assert_msg(strcmp(why, bad[i].why) == 0, "%s: %s", bad[i].text, why);
        ck_assert_int_eq(json_parse(bad[i].text, strlen(bad[i].text), &o, &why), BAD_JSON);
        ck_assert_ptr_null(o);
    }
    ck_assert(!json_check("{}\0", 3, &(const char *){NULL}));
    ck_assert(!json_check("\"a\0b\"", 5, &(const char *){NULL}));
    ck_assert(!json_check(NULL, 0, &(const char *){NULL}));
}
END_TEST

/* Every part of a good text but the whole is refused, or is a number. */
START_TEST(cut_texts_are_refused)
{
    static const char text[] = "{\"a\":[1.5e3,\"\\ud83d\\ude00\xc3\xa9\",{\"b\":null}],\"c\":true}";

    for (size_t n = 0; n < sizeof text - 1; n++)
        ck_assert(!json_check(text, n, &(const char *){NULL}));
    ck_assert(json_check(text, sizeof text - 1, &(const char *){NULL}));
}
END_TEST

static void nested(struct text *t, unsigned depth, const char *open, const char *close)
{
    for (unsigned i = 0; i < depth; i++)
        text_puts(t, open);
    text_puts(t, "1");
    for (unsigned i = 0; i < depth; i++)
        text_puts(t, close);
}

START_TEST(depth_is_bounded)
{
    static const char *const pairs[][2] = {{"[", "]"}, {"{\"a\":", "}"}};

    for (size_t i = 0; i < COUNT(pairs); i++) {
        cleanup(text_drop) struct text fits = {0}, deep = {0}, cut = {0};
        cleanup(json_drop) struct json_object *o = NULL;
        const char *why = NULL;
        nested(&fits, JSON_DEPTH_MAX, pairs[i][0], pairs[i][1]);
        nested(&deep, JSON_DEPTH_MAX + 1, pairs[i][0], pairs[i][1]);
        ck_assert_int_eq(json_parse(fits.data, fits.size, &o, &why), DONE);
        ck_assert(!json_check(deep.data, deep.size, &why));
        ck_assert_str_eq(why, "nested too deep");
        for (int k = 0; k < 200000; k++)
            text_puts(&cut, pairs[i][0]);
        ck_assert(!json_check(cut.data, cut.size, &why));
        ck_assert_str_eq(why, "nested too deep");
    }
}
END_TEST

START_TEST(elements_are_bounded)
{
    cleanup(text_drop) struct text t = {0};
    const char *why = NULL;

    text_puts(&t, "[1");
    for (int i = 1; i < JSON_ELEMENTS_MAX; i++)
        text_puts(&t, ",1");
    text_puts(&t, "]");
    ck_assert(json_check(t.data, t.size, &why));
    t.size--;
    text_puts(&t, ",1]");
    ck_assert(!json_check(t.data, t.size, &why));
    ck_assert_str_eq(why, "too many elements");
}
END_TEST

/* Many members, long names that differ at their end only, escapes: found, and fast. */
START_TEST(duplicates_among_many_are_found)
{
    static const char *const forms[] = {"\"k%d\":1", "\"\\u006b%d\":1",
                                        "\"a-name-of-some-length-that-is-the-same-%05d\":1"};
    struct timespec from, to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t f = 0; f < COUNT(forms); f++)
        for (int twin = -1; twin < 15000; twin += 2503) {
            cleanup(text_drop) struct text t = {0};
            const char *why = NULL;
            for (int i = 0; i < 15000; i++) {
                text_putc(&t, i ? ',' : '{');
                text_printf(&t, forms[f], i);
            }
            if (twin >= 0) {
                text_putc(&t, ',');
                text_printf(&t, forms[f], twin);
            }
            text_puts(&t, "}");
            ck_assert_int_eq(json_check(t.data, t.size, &why), twin < 0);
            if (twin >= 0)
                ck_assert_str_eq(why, "a member name is given twice");
        }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    /* with sanitizers; one by one this would be minutes */
    ck_assert_int_lt(to.tv_sec - from.tv_sec, 10);
}
END_TEST

START_TEST(names_of_other_objects_do_not_count)
{
    cleanup(text_drop) struct text t = {0};
    const char *why = NULL;

    text_puts(&t, "{");
    for (int i = 0; i < 100; i++) {
        text_printf(&t, "%s\"k%d\":{\"k0\":1,\"k1\":2", i ? "," : "", i);
        for (int k = 2; k < 20; k++)
            text_printf(&t, ",\"k%d\":[{\"k0\":1}]", k);
        text_puts(&t, "}");
    }
    text_puts(&t, "}");
    ck_assert_msg(json_check(t.data, t.size, &why), "%s", why);
}
END_TEST

START_TEST(utf8)
{
    static const struct {
        const char *s;
        bool good;
    } rows[] = {{"", true},
                {"plain ascii, more than eight bytes", true},
                {"\xc2\x80\xdf\xbf", true},
                {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
                {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
                {"\x80", false},
                {"abc\xbf", false},
                {"\xc0\x80", false},
                {"\xc1\xbf", false},
                {"\xc2", false},
                {"\xc2\x41", false},
                {"\xe0\x9f\xbf", false},
                {"\xed\xa0\x80", false},
                {"\xed\xbf\xbf", false},
                {"\xe1\x80", false},
                {"\xf0\x8f\xbf\xbf", false},
                {"\xf4\x90\x80\x80", false},
                {"\xf5\x80\x80\x80", false},
                {"\xf1\x80\x80", false},
                {"12345678\xff", false},
                {"1234567\xc3\xa4", true}};

    for (size_t i = 0; i < COUNT(rows); i++)
        ck_assert_msg(utf8_check(rows[i].s, strlen(rows[i].s)) == rows[i].good, "row %zu", i);
    ck_assert(utf8_check("a\0b", 3));
}
END_TEST

START_TEST(members)
{
    static const char text[] = "{\"s\":\"x\",\"n\":-5,\"t\":true,\"f\":1.5,\"z\":null,\"o\":{}}";
    cleanup(json_drop) struct json_object *o = NULL;
    const char *why;

    ck_assert_int_eq(json_parse(text, sizeof text - 1, &o, &why), DONE);
    ck_assert_str_eq(json_str(o, "s", "d"), "x");
    ck_assert_str_eq(json_str(o, "n", "d"), "d");
    ck_assert_str_eq(json_str(o, "z", "d"), "d");
    ck_assert_ptr_null(json_str(o, "none", NULL));
    ck_assert_int_eq(json_i64(o, "n", 1), -5);
    ck_assert_int_eq(json_i64(o, "f", 1), 1);
    ck_assert_int_eq(json_i64(o, "s", 1), 1);
    ck_assert(json_flag(o, "t", false));
    ck_assert(json_flag(o, "n", true));
    ck_assert(!json_flag(o, "none", false));
    ck_assert_ptr_nonnull(json_member(o, "o"));
    ck_assert_ptr_null(json_member(o, "z"));
    ck_assert_ptr_null(json_member(NULL, "z"));
    ck_assert_ptr_null(json_member(json_member(o, "s"), "z"));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("json");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, good_texts_are_parsed);
    tcase_add_test(t, bad_texts_are_refused);
    tcase_add_test(t, cut_texts_are_refused);
    tcase_add_test(t, depth_is_bounded);
    tcase_add_test(t, elements_are_bounded);
    tcase_add_test(t, duplicates_among_many_are_found);
    tcase_add_test(t, names_of_other_objects_do_not_count);
    tcase_add_test(t, utf8);
    tcase_add_test(t, members);
    return check_run("json", t);
}
