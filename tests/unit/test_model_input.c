/* chatd/upstream/model_input.h: which messages a model is given, and the request in both dialects.
 */
#include "chatd/upstream/model_input.h"

#include <string.h>

#include "chatd/upstream/dialect.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

#define U(tokens)                               \
    {                                           \
        MODEL_ROLE_USER, NULL, ((tokens)-4) * 4 \
    }
#define A(tokens)                                    \
    {                                                \
        MODEL_ROLE_ASSISTANT, NULL, ((tokens)-4) * 4 \
    }

START_TEST(tokens)
{
    ck_assert_int_eq(model_input_tokens(0), 4);
    ck_assert_int_eq(model_input_tokens(1), 5);
    ck_assert_int_eq(model_input_tokens(4), 5);
    ck_assert_int_eq(model_input_tokens(5), 6);
}
END_TEST

START_TEST(newest_whole_turns)
{
    const struct model_message h[] = {U(10), A(20), U(10), A(30), U(10), A(40)};
    static const struct {
        int64_t budget;
        size_t dropped;
    } cases[] = {{0, 6},  {40, 6}, {49, 6},  {50, 4},  {51, 4},  {80, 4},
                 {89, 4}, {90, 2}, {110, 2}, {119, 2}, {120, 0}, {100000, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(model_input_dropped(h, 6, cases[i].budget) == cases[i].dropped, "%ld",
                      (long)cases[i].budget);
}
END_TEST

START_TEST(odd_histories)
{
    const struct model_message orphan[] = {A(10), U(10), A(10)};
    const struct model_message two_answers[] = {U(10), A(10), A(10), U(10)};

    ck_assert_uint_eq(model_input_dropped(NULL, 0, 100), 0);
    ck_assert_uint_eq(model_input_dropped(orphan, 3, 100), 1); /* an answer to nothing */
    ck_assert_uint_eq(model_input_dropped(two_answers, 4, 30), 3);
    ck_assert_uint_eq(model_input_dropped(two_answers, 4, 40), 0);
}
END_TEST

static const char *const prompts[] = {"Be \"brief\".", "Speak\nFrench."};
static const struct model_message history[] = {
    {MODEL_ROLE_USER, "Hi", 2},
    {MODEL_ROLE_ASSISTANT, "Salut \xf0\x9f\x98\x80", 10},
};
static const struct model_input full = {
    .model = "gpt-4o-mini",
    .prompts = prompts,
    .prompt_count = 2,
    .history = history,
    .history_count = 2,
    .message = {MODEL_ROLE_USER, "Why? and more", 4},
    .has_temperature = true,
    .temperature = 0.7,
    .max_output_tokens = 300,
};

static void check_body(const char *dialect, const struct model_input *in, const char *expected)
{
    cleanup(text_drop) struct text out = {0};
    const char *why = "";

    model_input_build(&out, dialect_named(dialect), in);
    ck_assert_msg(json_check(out.data, out.size, &why), "%s", why);
    ck_assert_str_eq(out.data, expected);
}

#define MESSAGES                                                       \
    "[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\"},"        \
    "{\"role\":\"system\",\"content\":\"Speak\\nFrench.\"},"           \
    "{\"role\":\"user\",\"content\":\"Hi\"},"                          \
    "{\"role\":\"assistant\",\"content\":\"Salut \xf0\x9f\x98\x80\"}," \
    "{\"role\":\"user\",\"content\":\"Why?\"}]"

START_TEST(responses)
{
    check_body("responses", &full,
               "{\"model\":\"gpt-4o-mini\",\"input\":" MESSAGES
               ",\"temperature\":0.7,\"max_output_tokens\":300,\"stream\":true,\"store\":false}");
}
END_TEST

START_TEST(completions)
{
    check_body("chat_completions", &full,
               "{\"model\":\"gpt-4o-mini\",\"messages\":" MESSAGES
               ",\"temperature\":0.7,\"max_tokens\":300,\"stream\":true,"
               "\"stream_options\":{\"include_usage\":true}}");
}
END_TEST

START_TEST(least)
{
    const struct model_input in = {.model = "m", .message = {MODEL_ROLE_USER, "a", 1}};

    check_body("responses", &in,
               "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"a\"}],"
               "\"stream\":true,\"store\":false}");
}
END_TEST

START_TEST(dialects)
{
    ck_assert_ptr_eq(dialect_named("responses"), &dialect_responses);
    ck_assert_ptr_eq(dialect_named("chat_completions"), &dialect_completions);
    ck_assert_ptr_null(dialect_named("assistants"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("model_input");

    tcase_add_test(tests, tokens);
    tcase_add_test(tests, newest_whole_turns);
    tcase_add_test(tests, odd_histories);
    tcase_add_test(tests, responses);
    tcase_add_test(tests, completions);
    tcase_add_test(tests, least);
    tcase_add_test(tests, dialects);
    return check_run("model_input", tests);
}
