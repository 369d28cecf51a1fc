/* What a reader of a turn is told: in order, without a gap, nothing twice. */
#include "gateway/stream/turn_feed.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "common/json.h"
#include "gateway/stream/cursor.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define A1 INT64_C(4294967296) /* the first attempt in an id */

static struct turn_feed f;
static struct text out;

static void setup(void)
{
    turn_feed_init(&f, &out);
}

static void teardown(void)
{
    turn_feed_drop(&f);
    text_drop(&out);
}

static void begin(void)
{
    turn_feed_accept(&f, 1, 2, 3, "m");
}

static void delta(uint32_t attempt, uint64_t end, const char *text)
{
    turn_feed_event(&f, &(struct event){.topic = "turn:1",
                                        .what = EVENT_DELTA,
                                        .attempt = attempt,
                                        .cursor = end,
                                        .data = text,
                                        .size = strlen(text)});
}

static void state(uint32_t attempt, uint64_t end)
{
    turn_feed_event(&f, &(struct event){.topic = "turn:1",
                                        .what = EVENT_STATE,
                                        .attempt = attempt,
                                        .cursor = end,
                                        .data = "running",
                                        .size = 7});
}

static void ended(uint32_t attempt, const char *turn_state, const char *text)
{
    char json[400];

    snprintf(
        json, sizeof json,
        "{\"turn\":{\"state\":\"%s\",\"attempt\":%u,\"message_id\":3,\"text\":\"%s\",\"usage\":"
        "{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3,\"dropped_messages\":0},"
        "\"error\":%s},\"finish_reason\":\"stop\"}",
        turn_state, attempt, text,
        strcmp(turn_state, "failed") == 0
            ? "{\"code\":\"upstream_cut\",\"detail\":\"d\",\"retryable\":true}"
            : "null");
    turn_feed_event(&f, &(struct event){.topic = "turn:1",
                                        .what = EVENT_ENDED,
                                        .attempt = attempt,
                                        .data = json,
                                        .size = strlen(json)});
}

static struct json_object *answer(const char *turn_state, int attempt, int from, const char *text,
                                  int size, int position)
{
    struct json_object *o = NULL;
    char json[400];
    const char *why;

    snprintf(json, sizeof json,
             "{\"id\":1,\"conversation_id\":2,\"message_id\":3,\"state\":\"%s\",\"attempt\":%d,"
             "\"model\":\"m\",\"position\":%d,\"from\":%d,\"text\":\"%s\",\"size\":%d,"
             "\"finish_reason\":null,\"usage\":null,\"error\":null,\"expired\":false}",
             turn_state, attempt, position, from, text, size);
    ck_assert_int_eq(json_parse(json, strlen(json), &o, &why), DONE);
    return o;
}

static void look(const char *turn_state, int attempt, int from, const char *text, int size,
                 int position)
{
    cleanup(json_drop) struct json_object *o =
        answer(turn_state, attempt, from, text, size, position);

    turn_feed_look(&f, o);
}

static int resume(uint64_t cursor, const char *turn_state, int attempt, int from, const char *text,
                  int size, bool *ret_over)
{
    cleanup(json_drop) struct json_object *o = answer(turn_state, attempt, from, text, size, 1);

    return turn_feed_resume(&f, cursor, o, ret_over);
}

/* Events since the last time as "name@attempt.bytes data|". */
static const char *told(void)
{
    static char said[4000];
    char name[40], data[2000];
    unsigned long long id;
    size_t n = 0;

    turn_feed_pump(&f, SIZE_MAX);
    said[0] = '\0';
    for (const char *at = out.data; at && *at; at = strstr(at, "\n\n") + 2) {
        ck_assert_int_eq(sscanf(at, "id: %llu\nevent: %39s\ndata: %1999[^\n]", &id, name, data), 3);
        n += (size_t)snprintf(said + n, sizeof said - n, "%s@%llu.%llu %s|", name, id >> 32,
                              id & UINT32_MAX, data);
    }
    text_clear(&out);
    return said;
}

#define ACCEPTED_AT(id) "accepted@" id " {\"turn_id\":1,\"conversation_id\":2,\"message_id\":3}|"
#define STARTED(n)      "started@" #n ".0 {\"attempt\":" #n ",\"model\":\"m\"}|"
#define USAGE           "{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3,\"dropped_messages\":0}|"
#define COMPLETED       "{\"message_id\":3,\"finish_reason\":\"stop\"}|"

START_TEST(a_whole_turn)
{
    begin();
    state(1, 0);
    delta(1, 2, "ab");
    ck_assert_str_eq(told(), ACCEPTED_AT("0.0") STARTED(1) "delta@1.2 {\"text\":\"ab\"}|");
    delta(1, 5, "c\xc3\xa4");
    ck_assert_str_eq(told(), "delta@1.5 {\"text\":\"c\xc3\xa4\"}|");
    ck_assert(!turn_feed_pump(&f, SIZE_MAX));
    ended(1, "completed", "abc\xc3\xa4.");
    ck_assert_str_eq(told(),
                     "delta@1.6 {\"text\":\".\"}|usage@1.6 " USAGE "completed@1.7 " COMPLETED);
    ck_assert(turn_feed_pump(&f, SIZE_MAX));
    ck_assert(!f.wants);
    delta(1, 8, "xx");
    ended(1, "completed", "again");
    look("running", 2, 0, "y", 1, 1);
    ck_assert_str_eq(told(), ""); /* nothing behind the end */
}
END_TEST

START_TEST(other_ends)
{
    begin();
    ended(1, "failed", "");
    ck_assert_str_eq(
        told(),
        ACCEPTED_AT("0.0") STARTED(
            1) "usage@1.0 " USAGE
               "failed@1.1 {\"code\":\"upstream_cut\",\"detail\":\"d\",\"retryable\":true}|");
    teardown();
    setup();
    begin();
    ended(0, "cancelled", "");
    ck_assert_str_eq(told(),
                     ACCEPTED_AT("0.0") "usage@0.0 " USAGE "cancelled@0.1 {\"message_id\":3}|");
    teardown();
    setup();
    begin();
    turn_feed_gone(&f);
    ck_assert_ptr_nonnull(strstr(told(), "failed@0.1 {\"code\":\"interrupted\""));
}
END_TEST

START_TEST(what_was_told_is_not_told_again)
{
    begin();
    delta(1, 4, "abcd");
    told();
    delta(1, 4, "abcd");
    delta(1, 3, "bc");
    look("running", 1, 0, "abcd", 4, 1);
    ck_assert_str_eq(told(), "");
    delta(1, 6, "cdef");
    ck_assert_str_eq(told(), "delta@1.6 {\"text\":\"ef\"}|");
    look("running", 1, 4, "efgh", 8, 1);
    ck_assert_str_eq(told(), "delta@1.8 {\"text\":\"gh\"}|");
    ck_assert(!f.wants);
}
END_TEST

START_TEST(a_gap_is_asked_for)
{
    begin();
    delta(1, 2, "ab");
    delta(1, 6, "ef");
    ck_assert(f.wants);
    ck_assert_uint_eq(f.taken, 2);
    look("running", 1, 2, "cdef", 6, 1);
    ck_assert(!f.wants);
    ck_assert_str_eq(told(), ACCEPTED_AT("0.0") STARTED(1) "delta@1.6 {\"text\":\"abcdef\"}|");
    state(1, 9); /* the owner says that there is more */
    ck_assert(f.wants);
    look("running", 1, 6, "ghi", 12, 1); /* and this is not all of it */
    ck_assert(f.wants);
    ck_assert_str_eq(told(), "delta@1.9 {\"text\":\"ghi\"}|");
}
END_TEST

START_TEST(another_attempt_restarts)
{
    begin();
    delta(1, 2, "ab");
    told();
    delta(1, 4, "cd"); /* not told when ... */
    state(2, 0);
    delta(1, 6, "ef"); /* a process that lost the turn */
    state(1, 6);
    look("running", 1, 0, "abcdef", 6, 1);
    delta(2, 1, "x");
    ck_assert_str_eq(told(),
                     "restarted@2.0 {\"attempt\":2}|" STARTED(2) "delta@2.1 {\"text\":\"x\"}|");
    ck_assert(!f.wants);
    ended(2, "completed", "xy");
    ck_assert_str_eq(told(),
                     "delta@2.2 {\"text\":\"y\"}|usage@2.2 " USAGE "completed@2.3 " COMPLETED);
}
END_TEST

START_TEST(places_in_the_queue)
{
    begin();
    look("queued", 0, 0, "", 0, 7);
    look("queued", 0, 0, "", 0, 7);
    look("queued", 0, 0, "", 0, 3);
    look("running", 1, 0, "", 0, 1);
    ck_assert_str_eq(told(), ACCEPTED_AT("0.0") "queued@0.0 {\"position\":7}|queued@0.0 "
                                                "{\"position\":3}|" STARTED(1));
    delta(1, 2, "ab");
    look("queued", 1, 0, "ab", 2, 1); /* its process died */
    look("running", 2, 0, "", 0, 1);
    ck_assert_str_eq(told(),
                     "queued@1.0 {\"position\":1}|restarted@2.0 {\"attempt\":2}|" STARTED(2));
}
END_TEST

START_TEST(a_long_text_comes_in_pieces)
{
    static char text[FEED_PIECE + 10];

    for (size_t i = 0; i + 2 < sizeof text; i += 3)
        memcpy(text + i, "\xe6\xbc\xa2", 3);
    begin();
    delta(1, strlen(text), text);
    ck_assert(!turn_feed_pump(&f, 1)); /* there is no room for one piece, not even for the first */
    ck_assert_uint_eq(turn_feed_waiting(&f), strlen(text));
    text_clear(&out);
    turn_feed_pump(&f, 1);
    ck_assert_uint_eq(turn_feed_waiting(&f), strlen(text) - FEED_PIECE / 3 * 3);
    ended(1, "completed", "");
    ck_assert(f.has_ended || f.wants);
}
END_TEST

START_TEST(a_slow_reader_bounds_the_memory)
{
    static char text[FEED_REST_MAX / 2];
    uint64_t end = 0;

    memset(text, 'x', sizeof text - 1);
    begin();
    for (int i = 0; i < 10; i++)
        delta(1, end += sizeof text - 1, text);
    ck_assert_uint_le(turn_feed_waiting(&f), FEED_REST_MAX);
    ck_assert(f.wants);
    ck_assert_uint_lt(f.taken, end);
}
END_TEST

START_TEST(whoever_comes_back)
{
    bool over;

    ck_assert_int_eq(resume(A1 + 2, "running", 1, 2, "cd", 4, &over), DONE);
    ck_assert(!over);
    ck_assert_str_eq(told(), ACCEPTED_AT("1.2") "started@1.2 {\"attempt\":1,\"model\":\"m\"}|"
                                                "delta@1.4 {\"text\":\"cd\"}|");
    teardown();
    setup();
    ck_assert_int_eq(resume(A1 + 2, "running", 2, 0, "xyz", 3, &over), DONE);
    ck_assert_str_eq(told(), ACCEPTED_AT("1.2") "restarted@2.0 {\"attempt\":2}|" STARTED(
                                 2) "delta@2.3 {\"text\":\"xyz\"}|");
    teardown();
    setup();
    ck_assert_int_eq(resume(0, "completed", 2, 0, "xyz", 3, &over), DONE);
    ck_assert_str_eq(told(), ACCEPTED_AT("0.0") STARTED(2) "delta@2.3 {\"text\":\"xyz\"}|"
                                                           "completed@2.4 "
                                                           "{\"message_id\":3,\"finish_reason\":"
                                                           "null}|");
}
END_TEST

START_TEST(whoever_has_everything)
{
    bool over;

    ck_assert_int_eq(resume(A1 + 5, "completed", 1, 0, "abcd", 4, &over), DONE);
    ck_assert(over);
    ck_assert_int_eq(resume(A1 + 4, "completed", 1, 4, "", 4, &over), DONE);
    ck_assert(!over);
}
END_TEST

static const struct {
    uint64_t cursor;
    const char *state;
    int attempt, from;
    const char *text;
    int size, result;
} places[] = {
    {5, "running", 1, 0, "abcdef", 6, BAD_INPUT},          /* of no attempt */
    {A1 + 7, "running", 1, 0, "abcdef", 6, DONE},          /* its process may know more */
    {A1 + 8, "completed", 1, 0, "abcdef", 6, BAD_INPUT},   /* behind the last event */
    {A1 + 1, "completed", 1, 0, "\xc3\xa4", 2, BAD_INPUT}, /* inside of a character */
    {2 * A1, "queued", 1, 0, "", 0, DONE},                 /* given up before it began */
    {2 * A1, "completed", 1, 0, "ab", 2, DONE},            /* the same */
    {2 * A1 + 1, "queued", 1, 0, "", 0, BAD_INPUT},        /* which has no text */
    {3 * A1, "running", 1, 0, "abcdef", 6, BAD_INPUT},     /* not yet */
    {(uint64_t)INT64_MAX, "running", 1, 0, "ab", 2, BAD_INPUT},
};

START_TEST(places_that_can_be)
{
    bool over;

    ck_assert_int_eq(resume(places[_i].cursor, places[_i].state, places[_i].attempt,
                            places[_i].from, places[_i].text, places[_i].size, &over),
                     places[_i].result);
}
END_TEST

START_TEST(an_end_that_is_not_all_there)
{
    begin();
    look("completed", 1, 0, "abc", 6, 1);
    ck_assert(f.wants && !f.has_ended);
    ck_assert_str_eq(told(), ACCEPTED_AT("0.0") STARTED(1) "delta@1.3 {\"text\":\"abc\"}|");
    look("completed", 1, 3, "def", 6, 1);
    ck_assert(!f.wants && f.has_ended);
    ck_assert_ptr_nonnull(strstr(told(), "completed@1.7"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("turn_feed");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_whole_turn);
    tcase_add_test(tests, other_ends);
    tcase_add_test(tests, what_was_told_is_not_told_again);
    tcase_add_test(tests, a_gap_is_asked_for);
    tcase_add_test(tests, another_attempt_restarts);
    tcase_add_test(tests, places_in_the_queue);
    tcase_add_test(tests, a_long_text_comes_in_pieces);
    tcase_add_test(tests, a_slow_reader_bounds_the_memory);
    tcase_add_test(tests, whoever_comes_back);
    tcase_add_test(tests, whoever_has_everything);
    tcase_add_loop_test(tests, places_that_can_be, 0, sizeof places / sizeof *places);
    tcase_add_test(tests, an_end_that_is_not_all_there);
    return check_run("turn_feed", tests);
}
