/* Server-sent events as they are written, and their ids as they come back. */
#include "gateway/stream/sse.h"

#include <string.h>

#include "common/text.h"
#include "gateway/stream/cursor.h"
#include "tests/unit/check_main.h"

static struct text out;

static void teardown(void)
{
    text_drop(&out);
}

START_TEST(an_event)
{
    sse_event(&out, "delta", 7, "{\"text\":\"x\"}", 12);
    ck_assert_str_eq(out.data, "id: 7\nevent: delta\ndata: {\"text\":\"x\"}\n\n");
}
END_TEST

START_TEST(without_an_id)
{
    sse_event(&out, "hello", SSE_NO_ID, "{}", 2);
    ck_assert_str_eq(out.data, "event: hello\ndata: {}\n\n");
}
END_TEST

START_TEST(each_line_is_a_field)
{
    static const char data[] = "a\nb\r\nc\rd\n";

    sse_event(&out, "x", SSE_NO_ID, data, sizeof data - 1);
    ck_assert_str_eq(out.data, "event: x\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
}
END_TEST

START_TEST(what_readers_skip)
{
    sse_retry(&out, 1000);
    sse_comment(&out);
    ck_assert_str_eq(out.data, "retry: 1000\n\n:\n\n");
}
END_TEST

START_TEST(cursors)
{
    uint64_t c = cursor_make(3, 5);

    ck_assert_uint_eq(c, 12884901893);
    ck_assert_uint_eq(cursor_attempt(c), 3);
    ck_assert_uint_eq(cursor_bytes(c), 5);
}
END_TEST

START_TEST(cursors_are_read)
{
    static const struct {
        const char *s;
        uint64_t n;
    } good[] = {{"0", 0}, {"7", 7}, {"4294967296", 4294967296}, {"9223372036854775807", INT64_MAX}};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t n = 99;
        ck_assert_msg(cursor_parse(good[i].s, &n), "%s", good[i].s);
        ck_assert_uint_eq(n, good[i].n);
    }
}
END_TEST

START_TEST(what_is_no_cursor)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "-1",
                                      "+1",
                                      "1 ",
                                      " 1",
                                      "01",
                                      "00",
                                      "1.0",
                                      "1e3",
                                      "0x10",
                                      "abc",
                                      "1a",
                                      "1,",
                                      "\t1",
                                      "1\n",
                                      "9223372036854775808",
                                      "18446744073709551616",
                                      "99999999999999999999999999999999"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t n = 99;
        ck_assert_msg(!cursor_parse(bad[i], &n), "%s", bad[i]);
        ck_assert_uint_eq(n, 99);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sse");

    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, an_event);
    tcase_add_test(tests, without_an_id);
    tcase_add_test(tests, each_line_is_a_field);
    tcase_add_test(tests, what_readers_skip);
    tcase_add_test(tests, cursors);
    tcase_add_test(tests, cursors_are_read);
    tcase_add_test(tests, what_is_no_cursor);
    return check_run("sse", tests);
}
