/* chatd/upstream/dialect.h: what the events of both dialects mean. */
#include <stdio.h>
#include <string.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/sse_reader.h"
#include "common/cleanup.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A stream of events, one in a line, "name: data" or ": data"; then how it ends. */
struct response_stream {
    const char *events[8];
    const char *text;
    bool garbage;
    enum answer_state state;
    const char *id, *finish_reason, *code, *message;
    struct upstream_usage usage;
};

#define USAGE "\"usage\":{\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12}"
#define DELTA(s)                                                                                  \
    "response.output_text.delta: {\"type\":\"response.output_text.delta\",\"sequence_number\":4," \
    "\"delta\":\"" s "\"}"
#define UNKNOWN    \
    {              \
        -1, -1, -1 \
    }

static const struct response_stream responses[] = {
    {{"response.created: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}",
      "response.in_progress: {\"type\":\"response.in_progress\",\"response\":{}}", DELTA("Hel"),
      DELTA("lo \\u00e9"), "response.output_text.done: not looked at",
      "response.completed: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"," USAGE
      "}}"},
     "Hello \xc3\xa9",
     false,
     ANSWER_COMPLETED,
     "resp_1",
     "stop",
     "",
     "",
     {5, 7, 12}},
    /* the type within the data is enough */
    {{": {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}",
      ": {\"type\":\"response.something.new\",\"delta\":\"b\"}", ": {\"nothing\":1}", ": [DONE]",
      ": {\"type\":\"response.completed\",\"response\":{\"usage\":null}}"},
     "a",
     false,
     ANSWER_COMPLETED,
     "",
     "stop",
     "",
     "",
     UNKNOWN},
    {{"response.refusal.delta: {\"type\":\"response.refusal.delta\",\"delta\":\"I won't\"}",
      "response.reasoning_text.delta: {\"delta\":\"hm\"}"},
     "I won't",
     false,
     ANSWER_OPEN,
     "",
     "",
     "",
     "",
     UNKNOWN},
    {{DELTA("a"), "response.incomplete: {\"type\":\"response.incomplete\",\"response\":{"
                  "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}," USAGE "}}"},
     "a",
     false,
     ANSWER_INCOMPLETE,
     "",
     "max_output_tokens",
     "",
     "",
     {5, 7, 12}},
    {{DELTA("a"), "response.incomplete: {\"type\":\"response.incomplete\",\"response\":{"
                  "\"incomplete_details\":{\"reason\":\"content_filter\"}," USAGE "}}"},
     "a",
     false,
     ANSWER_FAILED,
     "",
     "content_filter",
     "content_filter",
     "",
     {5, 7, 12}},
    {{"response.failed: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"error\":"
      "{\"code\":\"server_error\",\"message\":\"oops\"}}}"},
     "",
     false,
     ANSWER_FAILED,
     "r",
     "",
     "server_error",
     "oops",
     UNKNOWN},
    {{"response.failed: {\"type\":\"response.failed\"}"},
     "",
     false,
     ANSWER_FAILED,
     "",
     "",
     "",
     "",
     UNKNOWN},
    {{"error: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}"},
     "",
     false,
     ANSWER_FAILED,
     "",
     "",
     "rate_limit_exceeded",
     "slow",
     UNKNOWN},
    {{"error: {\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"code\":null,"
      "\"message\":\"oops\"},\"sequence_number\":3}"},
     "",
     false,
     ANSWER_FAILED,
     "",
     "",
     "server_error",
     "oops",
     UNKNOWN},
    {{DELTA("a"), "response.output_text.delta: {\"type\":"},
     "a",
     true,
     ANSWER_OPEN,
     "",
     "",
     "",
     "",
     UNKNOWN},
    {{": <html>"}, "", true, ANSWER_OPEN, "", "", "", "", UNKNOWN},
    {{": []"}, "", true, ANSWER_OPEN, "", "", "", "", UNKNOWN},
    {{"response.output_text.delta: {\"type\":\"response.output_text.delta\",\"delta\":1}"},
     "",
     true,
     ANSWER_OPEN,
     "",
     "",
     "",
     "",
     UNKNOWN},
    {{"response.completed: {\"type\":\"response.completed\"}"},
     "",
     true,
     ANSWER_OPEN,
     "",
     "stop",
     "",
     "",
     UNKNOWN},
};

#define CHUNK(delta, reason)                                                                       \
    ": {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" reason "}" \
    "]"                                                                                            \
    "}"

static const struct response_stream completions[] = {
    {{CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null"),
      CHUNK("{\"content\":\"Hel\"}", "null"), CHUNK("{\"content\":\"lo\"}", "null"),
      CHUNK("{}", "\"stop\""),
      ": {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,"
      "\"total_tokens\":12}}",
      ": [DONE]"},
     "Hello",
     false,
     ANSWER_COMPLETED,
     "c1",
     "stop",
     "",
     "",
     {5, 7, 12}},
    {{CHUNK("{\"content\":null,\"refusal\":\"no\"}", "null"), CHUNK("{}", "\"length\""),
      ": [DONE]"},
     "no",
     false,
     ANSWER_INCOMPLETE,
     "c1",
     "max_output_tokens",
     "",
     "",
     UNKNOWN},
    {{CHUNK("{\"content\":\"a\"}", "\"content_filter\""), ": [DONE]"},
     "a",
     false,
     ANSWER_FAILED,
     "c1",
     "content_filter",
     "content_filter",
     "",
     UNKNOWN},
    {{CHUNK("{\"content\":\"a\"}", "\"stop\"")}, /* [DONE] left out */
     "a",
     false,
     ANSWER_COMPLETED,
     "c1",
     "stop",
     "",
     "",
     UNKNOWN},
    {{CHUNK("{\"content\":\"a\"}", "null")}, "a", false, ANSWER_OPEN, "c1", "", "", "", UNKNOWN},
    {{CHUNK("{\"content\":\"a\"}", "null"), ": {\"error\":{\"code\":\"x\",\"message\":\"y\"}}"},
     "a",
     false,
     ANSWER_FAILED,
     "c1",
     "",
     "x",
     "y",
     UNKNOWN},
    {{": {\"usage\":null,\"error\":null}", ": nonsense"},
     "",
     true,
     ANSWER_OPEN,
     "",
     "",
     "",
     "",
     UNKNOWN},
};

/* False: garbage. */
static bool play(const struct dialect *d, const struct response_stream *s, struct answer *a,
                 struct text *delta)
{
    for (size_t i = 0; i < COUNT(s->events) && s->events[i] && a->state == ANSWER_OPEN; i++) {
        const char *data = strstr(s->events[i], ": ");
        char name[64] = "";
        memcpy(name, s->events[i], (size_t)(data - s->events[i]));
        struct sse_event e = {name, data + 2, strlen(data + 2)};
        if (!d->event(a, &e, delta))
            return false;
    }
    if (a->state == ANSWER_OPEN)
        d->end(a);
    return true;
}

static void check_stream(const struct dialect *d, const struct response_stream *s)
{
    cleanup(answer_drop) struct answer a = {0};
    cleanup(text_drop) struct text delta = {0};

    answer_reset(&a);
    text_puts(&delta, "");
    text_puts(&a.message, "");
    ck_assert_int_eq(play(d, s, &a, &delta), !s->garbage);
    ck_assert_str_eq(delta.data, s->text);
    ck_assert_int_eq(a.state, s->state);
    ck_assert_str_eq(a.id, s->id);
    ck_assert_str_eq(a.finish_reason, s->finish_reason);
    ck_assert_str_eq(a.code, s->code);
    ck_assert_str_eq(a.message.data, s->message);
    ck_assert_int_eq(a.usage.input, s->usage.input);
    ck_assert_int_eq(a.usage.output, s->usage.output);
    ck_assert_int_eq(a.usage.total, s->usage.total);
}

START_TEST(responses_stream)
{
    check_stream(&dialect_responses, &responses[_i]);
}
END_TEST

START_TEST(completions_stream)
{
    check_stream(&dialect_completions, &completions[_i]);
}
END_TEST

START_TEST(long_words_are_cut)
{
    static char data[4096];
    char word[1000];
    struct sse_event e = {"error", data, 0};
    cleanup(answer_drop) struct answer a = {0};
    cleanup(text_drop) struct text delta = {0};

    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    e.size =
        (size_t)snprintf(data, sizeof data, "{\"code\":\"%s\",\"message\":\"%s\"}", word, word);
    answer_reset(&a);
    ck_assert(dialect_responses.event(&a, &e, &delta));
    ck_assert_uint_eq(strlen(a.code), sizeof a.code - 1);
    ck_assert_uint_eq(a.message.size, sizeof word - 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("responses");

    tcase_add_loop_test(tests, responses_stream, 0, COUNT(responses));
    tcase_add_loop_test(tests, completions_stream, 0, COUNT(completions));
    tcase_add_test(tests, long_words_are_cut);
    return check_run("responses", tests);
}
