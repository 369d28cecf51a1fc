/* common/trace.h: the bus' string and the W3C header, there and back. */
#include "common/trace.h"

#include <string.h>

#include "tests/unit/check_main.h"

#define CLIENT "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN   "00f067aa0ba902b7"

static struct trace read_of(const char *s)
{
    struct trace t;

    trace_read(&t, s);
    return t;
}

START_TEST(strings)
{
    static const struct {
        const char *in, *id, *span, *client, *out;
    } rows[] = {
        {"r-1", "r-1", "", "", "r-1"},
        {"r-1/" SPAN, "r-1", SPAN, "", "r-1/" SPAN},
        {"r-1/" SPAN "/" CLIENT, "r-1", SPAN, CLIENT, "r-1/" SPAN "/" CLIENT},
        {CLIENT "/" SPAN "/" CLIENT, CLIENT, SPAN, CLIENT, CLIENT "/" SPAN},
        {"r-1//" CLIENT, "r-1", "", CLIENT, "r-1//" CLIENT},
        {CLIENT "//" CLIENT, CLIENT, "", CLIENT, CLIENT},
        {"", "", "", "", ""},
        {NULL, "", "", "", ""},
        {"r-1/", "r-1", "", "", "r-1"},
        {"r-1/0000000000000000", "r-1", "", "", "r-1"},
        {"r-1/00F067AA0BA902B7", "r-1", "", "", "r-1"},
        {"r-1/" SPAN "0", "r-1", "", "", "r-1"},
        {"r-1/" SPAN "/", "r-1", SPAN, "", "r-1/" SPAN},
        {"r-1/" SPAN "/" CLIENT "/x", "r-1", SPAN, "", "r-1/" SPAN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct trace t = read_of(rows[i].in);
        char out[TRACE_SIZE];
        ck_assert_str_eq(t.id, rows[i].id);
        ck_assert_str_eq(t.span, rows[i].span);
        ck_assert_str_eq(t.client, rows[i].client);
        trace_print(&t, out);
        ck_assert_str_eq(out, rows[i].out);
    }
}
END_TEST

START_TEST(long_strings)
{
    char s[300];
    struct trace t;

    memset(s, 'a', sizeof s);
    s[sizeof s - 1] = '\0';
    t = read_of(s);
    ck_assert_int_eq((int)strlen(t.id), TRACE_MAX);
}
END_TEST

START_TEST(ids)
{
    char id[TRACE_ID_SIZE], again[TRACE_ID_SIZE];
    struct trace t = read_of("my.id_42-A");

    trace_id(&t, id);
    trace_id(&t, again);
    ck_assert_str_eq(id, again);
    ck_assert_int_eq((int)strspn(id, "0123456789abcdef"), 32);
    t = read_of("my.id_42-B");
    trace_id(&t, again);
    ck_assert_str_ne(id, again);
    t = read_of(CLIENT);
    trace_id(&t, id);
    ck_assert_str_eq(id, CLIENT);
    t = read_of("mine/" SPAN "/" CLIENT);
    trace_id(&t, id);
    ck_assert_str_eq(id, CLIENT);
    /* no id by the standard: made from it */
    t = read_of("00000000000000000000000000000000");
    trace_id(&t, id);
    ck_assert_str_ne(id, "00000000000000000000000000000000");
}
END_TEST

START_TEST(headers)
{
    struct trace t = {.id = "mine"};
    char out[TRACEPARENT_SIZE];
    bool sampled = false;

    ck_assert(traceparent_read("00-" CLIENT "-" SPAN "-01", &t, &sampled));
    ck_assert_str_eq(t.id, "mine");
    ck_assert_str_eq(t.client, CLIENT);
    ck_assert_str_eq(t.span, SPAN);
    ck_assert(sampled);
    traceparent_print(&t, true, out);
    ck_assert_str_eq(out, "00-" CLIENT "-" SPAN "-01");
    traceparent_print(&t, false, out);
    ck_assert_str_eq(out, "00-" CLIENT "-" SPAN "-00");
    ck_assert(traceparent_read("00-" CLIENT "-" SPAN "-02", &t, &sampled));
    ck_assert(!sampled);
    ck_assert(traceparent_read("cc-" CLIENT "-" SPAN "-03-more", &t, &sampled));
    ck_assert(sampled);
}
END_TEST

START_TEST(wrong_headers)
{
    static const char *const wrong[] = {
        NULL,
        "",
        "00-" CLIENT,
        "ff-" CLIENT "-" SPAN "-01",
        "00-" CLIENT "-0000000000000000-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" CLIENT "-" SPAN "-0x",
        "00-" CLIENT "-" SPAN "-01-more",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "0-" CLIENT "-" SPAN "-001",
    };
    struct trace t = {0};
    bool sampled;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert(!traceparent_read(wrong[i], &t, &sampled));
        ck_assert_str_eq(t.client, "");
    }
}
END_TEST

START_TEST(spans)
{
    char a[SPAN_ID_SIZE], b[SPAN_ID_SIZE];

    span_id_make(a);
    span_id_make(b);
    ck_assert_int_eq((int)strspn(a, "0123456789abcdef"), 16);
    ck_assert_str_ne(a, b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("trace");

    tcase_add_test(t, strings);
    tcase_add_test(t, long_strings);
    tcase_add_test(t, ids);
    tcase_add_test(t, headers);
    tcase_add_test(t, wrong_headers);
    tcase_add_test(t, spans);
    return check_run("trace", t);
}
