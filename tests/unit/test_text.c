/* common/text.h: the buffer, and the JSON written into it. */
#include "common/text.h"

#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "tests/unit/check_main.h"

START_TEST(grows_and_ends_with_nul)
{
    cleanup(text_drop) struct text t = {0};

    ck_assert_ptr_null(t.data);
    text_add(&t, "", 0);
    ck_assert_str_eq(t.data, "");
    for (int i = 0; i < 10000; i++) {
        text_putc(&t, (char)('a' + i % 26));
        ck_assert_uint_eq(t.size, (size_t)i + 1);
        ck_assert_int_eq(t.data[t.size], '\0');
    }
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(t.data[i], 'a' + i % 26);
    text_clear(&t);
    ck_assert_uint_eq(t.size, 0);
    ck_assert_str_eq(t.data, "");
    text_puts(&t, "abc");
    text_printf(&t, "-%s-%05d", "x", 42);
    ck_assert_str_eq(t.data, "abc-x-00042");
}
END_TEST

START_TEST(reserve_is_used_by_the_caller)
{
    cleanup(text_drop) struct text t = {0};
    char *p = text_reserve(&t, 1000);

    memset(p, 'x', 1000);
    t.size += 1000;
    ck_assert_uint_eq(strlen(t.data), 1000);
    text_puts(&t, "y");
    ck_assert_str_eq(t.data + 999, "xy");
}
END_TEST

START_TEST(empty_ones_can_be_cleared_and_dropped)
{
    struct text t = {0};

    text_clear(&t);
    text_drop(&t);
    text_puts(&t, "x");
    text_drop(&t);
    text_drop(&t);
    ck_assert_ptr_null(t.data);
    ck_assert_uint_eq(t.size + t.capacity, 0);
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        int64_t v;
        const char *as;
    } rows[] = {{0, "0"},
                {7, "7"},
                {-1, "-1"},
                {10, "10"},
                {INT64_MAX, "9223372036854775807"},
                {INT64_MIN, "-9223372036854775808"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cleanup(text_drop) struct text t = {0};
        text_i64(&t, rows[i].v);
        ck_assert_str_eq(t.data, rows[i].as);
    }
}
END_TEST

START_TEST(escapes)
{
    static const struct {
        const char *s;
        size_t size;
        const char *as;
    } rows[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"\"", 1, "\"\\\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\""},
        {"\0\x01\x0b\x1f\x7f", 5, "\"\\u0000\\u0001\\u000b\\u001f\x7f\""},
        {"/<>&'", 5, "\"/<>&'\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cleanup(text_drop) struct text t = {0};
        text_json(&t, rows[i].s, rows[i].size);
        ck_assert_str_eq(t.data, rows[i].as);
    }
}
END_TEST

/* Every ASCII string of two bytes comes back from json-c as it was. */
START_TEST(what_is_written_is_read_back)
{
    for (int i = 0; i < 128 * 128; i++) {
        cleanup(text_drop) struct text t = {0};
        cleanup(json_drop) struct json_object *o = NULL;
        char s[2] = {(char)(i / 128), (char)(i % 128)};
        const char *why;
        text_json(&t, s, 2);
        ck_assert_int_eq(json_parse(t.data, t.size, &o, &why), 0);
        ck_assert_int_eq(json_object_get_string_len(o), 2);
        ck_assert_mem_eq(json_object_get_string(o), s, 2);
    }
}
END_TEST

START_TEST(members_get_their_commas)
{
    cleanup(text_drop) struct text t = {0}, first = {0};

    text_puts(&t, "{");
    text_member_str(&t, "a", "x\"y");
    text_member_i64(&t, "b", -3);
    text_member_str(&t, "c", NULL);
    text_json_name(&t, "d");
    text_puts(&t, "[{");
    text_member_i64(&t, "e", 1);
    text_puts(&t, "},{");
    text_member_str(&t, "f", "{");
    text_member_str(&t, "g", "[");
    text_puts(&t, "}]}");
    ck_assert_str_eq(t.data, "{\"a\":\"x\\\"y\",\"b\":-3,\"c\":null,\"d\":[{\"e\":1},"
                             "{\"f\":\"{\",\"g\":\"[\"}]}");
    text_member_i64(&first, "a", 1);
    ck_assert_str_eq(first.data, "\"a\":1");
    text_clear(&first);
    text_puts(&first, "[");
    text_json_name(&first, "a");
    ck_assert_str_eq(first.data, "[\"a\":");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("text");

    tcase_add_test(t, grows_and_ends_with_nul);
    tcase_add_test(t, reserve_is_used_by_the_caller);
    tcase_add_test(t, empty_ones_can_be_cleared_and_dropped);
    tcase_add_test(t, numbers);
    tcase_add_test(t, escapes);
    tcase_add_test(t, what_is_written_is_read_back);
    tcase_add_test(t, members_get_their_commas);
    return check_run("text", t);
}
