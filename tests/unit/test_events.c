/* common/events.h: records come back as they went in, and nothing else is read. */
#include "common/events.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

static const struct event events[] = {
    {"turn:1", EVENT_STATE, 1, 0, "running", 7},
    {"turn:9223372036854775807", EVENT_DELTA, UINT32_MAX, UINT64_MAX, "a\0\xff", 3},
    {"turn:2", EVENT_ENDED, 2, 300, "{}", 2},
    {"project:5", EVENT_CHANGED, 0, 0, "", 0},
    {"session", EVENT_REVOKED, 1, 77, "\1\0\0\0\0\0\0\0", 8},
    {"", EVENT_CHANGED, 0, 0, NULL, 0},
};

#define COUNT (sizeof events / sizeof *events)

static void events_write(struct text *t)
{
    for (size_t i = 0; i < COUNT; i++)
        event_append(t, &events[i]);
}

START_TEST(round_trip)
{
    cleanup(text_drop) struct text t = {0};
    struct event e;
    size_t at = 0;

    events_write(&t);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(event_next(t.data, t.size, &at, &e), 1);
        ck_assert_str_eq(e.topic, events[i].topic);
        ck_assert_int_eq(e.what, events[i].what);
        ck_assert_uint_eq(e.attempt, events[i].attempt);
        ck_assert_uint_eq(e.cursor, events[i].cursor);
        ck_assert_uint_eq(e.size, events[i].size);
        ck_assert_int_eq(memcmp(e.data, events[i].data ? events[i].data : "", e.size), 0);
    }
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), 0);
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), 0);
    at = 0;
    ck_assert_int_eq(event_next(NULL, 0, &at, &e), 0);
}
END_TEST

START_TEST(layout_is_as_documented)
{
    cleanup(text_drop) struct text t = {0};
    struct event e = {"q:7", EVENT_DELTA, 0x01020304, 0x05060708090a0b0c, "xy", 2};

    event_append(&t, &e);
    ck_assert_uint_eq(t.size, 24);
    ck_assert_mem_eq(t.data, "\3q:7\0\1\4\3\2\1\x0c\x0b\x0a\x09\x08\x07\x06\x05\2\0\0\0xy", 24);
}
END_TEST

START_TEST(longest_topic)
{
    cleanup(text_drop) struct text t = {0};
    char topic[256];
    struct event e;
    size_t at = 0;

    memset(topic, 't', 255);
    topic[255] = '\0';
    event_append(&t, &(struct event){.topic = topic});
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), 1);
    ck_assert_str_eq(e.topic, topic);
}
END_TEST

/* Cut anywhere but between records: the whole ones are read, then it is not well formed. */
START_TEST(cut_payloads)
{
    cleanup(text_drop) struct text t = {0};
    size_t ends[COUNT + 1] = {0};

    for (size_t i = 0; i < COUNT; i++) {
        event_append(&t, &events[i]);
        ends[i + 1] = t.size;
    }
    for (size_t n = 0; n < t.size; n++) {
        cleanup(free_drop) char *copy = malloc(n + 1);
        size_t at = 0, whole = 0;
        struct event e;
        int result;
        memcpy(copy, t.data, n);
        while ((result = event_next(copy, n, &at, &e)) == 1)
            ck_assert_uint_eq(at, ends[++whole]);
        ck_assert_int_eq(result, n == ends[whole] ? 0 : -1);
        ck_assert_uint_eq(at, ends[whole]);
    }
}
END_TEST

START_TEST(wrong_records)
{
    cleanup(text_drop) struct text t = {0};
    struct event e;
    size_t at = 0;

    event_append(&t, &events[0]);
    t.data[3] = '\0'; /* a NUL in the topic */
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), -1);
    t.data[3] = 'r';
    t.data[7] = 'x'; /* no NUL behind it */
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), -1);
    t.data[7] = '\0';
    t.data[8] = EVENT_KEYS + 1;
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), -1);
    t.data[8] = (char)0xff;
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), -1);
    t.data[8] = EVENT_STATE;
    t.data[24] = (char)0xff; /* a size of 4 GB */
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), -1);
    t.data[24] = 0;
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), 1);
    at = t.size + 1; /* behind the end */
    ck_assert_int_eq(event_next(t.data, t.size, &at, &e), -1);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("events");

    tcase_add_test(t, round_trip);
    tcase_add_test(t, layout_is_as_documented);
    tcase_add_test(t, longest_topic);
    tcase_add_test(t, cut_payloads);
    tcase_add_test(t, wrong_records);
    return check_run("events", t);
}
