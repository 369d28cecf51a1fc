/* chatd/upstream/model_input.h: which messages a model is given, and the request in both dialects.
 */
#include "chatd/upstream/model_input.h"

#include <string.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/tokens.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

#define U(cost)                                   \
    {                                             \
        .role = MODEL_ROLE_USER, .tokens = (cost) \
    }
#define A(cost)                                        \
    {                                                  \
        .role = MODEL_ROLE_ASSISTANT, .tokens = (cost) \
    }

START_TEST(tokens)
{
    const char *prompts[] = {"Be brief."};
    struct model_file files[] = {{.kind = MODEL_FILE_TEXT, .tokens = 100},
                                 {.kind = MODEL_FILE_ABSENT, .tokens = 1000}};
    struct model_message before[] = {U(10), A(20)};
    struct model_input in = {.prompts = prompts,
                             .prompt_count = 1,
                             .history = before,
                             .history_count = 2,
                             .message = model_question("Hi", 2)};

    ck_assert_int_eq(model_input_tokens("", 0), 4);
    ck_assert_int_eq(model_input_tokens("Hi", 2), 4 + tokens_estimate("Hi", 2));
    ck_assert_int_eq(in.message.tokens, 5);
    ck_assert_int_eq(model_input_cost(&in), model_input_tokens("Be brief.", 9) + 10 + 20 + 5);
    before[0].files = files;
    before[0].file_count = 2;
    ck_assert_int_eq(model_message_tokens(before), 10 + 100 + 64);
}
END_TEST

START_TEST(newest_whole_turns)
{
    struct model_message h[] = {U(10), A(20), U(10), A(30), U(10), A(40)};
    static const struct {
        int64_t budget;
        size_t dropped;
    } cases[] = {{0, 6},  {40, 6}, {49, 6},  {50, 4},  {51, 4},  {80, 4},
                 {89, 4}, {90, 2}, {110, 2}, {119, 2}, {120, 0}, {100000, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(model_input_fit(h, 6, cases[i].budget) == cases[i].dropped, "%ld",
                      (long)cases[i].budget);
}
END_TEST

START_TEST(odd_histories)
{
    struct model_message orphan[] = {A(10), U(10), A(10)};
    struct model_message two_answers[] = {U(10), A(10), A(10), U(10)};

    ck_assert_uint_eq(model_input_fit(NULL, 0, 100), 0);
    ck_assert_uint_eq(model_input_fit(orphan, 3, 100), 1); /* an answer to nothing */
    ck_assert_uint_eq(model_input_fit(two_answers, 4, 30), 3);
    ck_assert_uint_eq(model_input_fit(two_answers, 4, 40), 0);
}
END_TEST

/* ---- files ---- */

#define MENTION 64

START_TEST(files_have_a_price)
{
    static const struct {
        const char *mime;
        int64_t bytes, tokens;
    } cases[] = {
        {"text/plain", 4000, 2004},
        {"text/csv", 1, 5},
        {"application/json", 400, 204},
        {"image/svg+xml", 399, 204},
        {"image/png", 90000000, 2000},
        {"application/pdf", 15, 1000},
        {"application/pdf", 16000, 1000},
        {"application/pdf", 16016, 1001},
        {"application/zip", 104857600, 6553600},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(model_input_file_tokens(cases[i].mime, cases[i].bytes), cases[i].tokens);
}
END_TEST

#define FILE_OF(n, ...)                                                                 \
    {                                                                                   \
        .kind = MODEL_FILE_ID, .id = n, .name = "f" #n, .provider = "p" #n, __VA_ARGS__ \
    }

/* The newest turn's files come before the text of older turns; what does not fit is left out, and
 * its turn stays. */
START_TEST(files_share_the_budget)
{
    static const struct {
        int64_t budget;
        size_t dropped;
        bool old, large, small;
    } cases[] = {
        {157, 4, true, true, true}, /* not even the newest turn's text and mentions */
        {158, 2, true, false, false},
        {207, 2, true, false, false},
        {208, 2, true, false, true},
        {657, 0, true, false, true}, /* without the large one there is room for an older turn */
        {658, 2, true, true, false}, /* the first one that fits */
        {708, 2, true, true, true},
        {708 + 93, 2, true, true, true},
        {708 + 94, 0, false, true, true},
        {708 + 94 + 99, 0, false, true, true},
        {708 + 94 + 100, 0, true, true, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_file old[] = {FILE_OF(1, .tokens = 100)};
        struct model_file new[] = {FILE_OF(2, .tokens = 500), FILE_OF(3, .tokens = 50)};
        struct model_message h[] = {U(10), A(20), U(10), A(20)};
        h[0].files = old;
        h[0].file_count = 1;
        h[2].files = new;
        h[2].file_count = 2;
        ck_assert_msg(model_input_fit(h, 4, cases[i].budget) == cases[i].dropped, "%ld",
                      (long)cases[i].budget);
        ck_assert_msg((old[0].kind == MODEL_FILE_ID) == cases[i].old, "%ld", (long)cases[i].budget);
        ck_assert_msg((new[0].kind == MODEL_FILE_ID) == cases[i].large, "%ld",
                      (long)cases[i].budget);
        ck_assert_msg((new[1].kind == MODEL_FILE_ID) == cases[i].small, "%ld",
                      (long)cases[i].budget);
        if (new[0].kind == MODEL_FILE_ABSENT)
            ck_assert_str_eq(new[0].why, MODEL_FILE_LEFT_OUT);
    }
}
END_TEST

/* What is absent already stays so, for its own reason, and costs only its mention. */
START_TEST(absent_files_cost_nothing)
{
    struct model_file gone[] = {
        {.kind = MODEL_FILE_ABSENT, .why = MODEL_FILE_DELETED, .tokens = 100000}};
    struct model_message h[] = {U(10)};

    h[0].files = gone;
    h[0].file_count = 1;
    ck_assert_uint_eq(model_input_fit(h, 1, 10 + MENTION), 0);
    ck_assert_str_eq(gone[0].why, MODEL_FILE_DELETED);
    ck_assert_uint_eq(model_input_fit(h, 1, 9 + MENTION), 1);
}
END_TEST

/* ---- requests ---- */

static const char *const prompts[] = {"Be \"brief\".", "Speak\nFrench."};
static const struct model_message history[] = {
    {.role = MODEL_ROLE_USER, .text = "Hi", .size = 2},
    {.role = MODEL_ROLE_ASSISTANT, .text = "Salut \xf0\x9f\x98\x80", .size = 10},
};
static const struct model_input full = {
    .model = "gpt-4o-mini",
    .prompts = prompts,
    .prompt_count = 2,
    .history = history,
    .history_count = 2,
    .message = {.role = MODEL_ROLE_USER, .text = "Why? and more", .size = 4},
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
    const struct model_input in = {.model = "m", .message = {.text = "a", .size = 1}};

    check_body("responses", &in,
               "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"a\"}],"
               "\"stream\":true,\"store\":false}");
}
END_TEST

static struct model_file inlined[] = {
    {.kind = MODEL_FILE_TEXT, .name = "a<\"&>.txt", .text = "one\ntwo\n", .size = 8},
    {.kind = MODEL_FILE_TEXT, .name = "\xc3\xa9", .text = "no newline", .size = 10},
    {.kind = MODEL_FILE_ABSENT, .name = "b.pdf", .why = MODEL_FILE_UNUSABLE},
    {.kind = MODEL_FILE_ABSENT, .why = MODEL_FILE_DELETED},
};
static struct model_file by_id[] = {
    {.kind = MODEL_FILE_ID, .name = "a.pdf", .provider = "file-1"},
    {.kind = MODEL_FILE_ABSENT, .name = "x", .why = MODEL_FILE_LEFT_OUT},
    {.kind = MODEL_FILE_IMAGE, .name = "b.png", .provider = "file-2"},
};
#define FILES(list) .files = list, .file_count = sizeof list / sizeof *list

#define INLINED                                                             \
    "<file name=\\\"a&lt;&quot;&amp;>.txt\\\">\\none\\ntwo\\n</file>\\n"    \
    "<file name=\\\"\xc3\xa9\\\">\\nno newline\\n</file>\\n"                \
    "[The file \\\"b.pdf\\\" was attached here: it cannot be used now.]\\n" \
    "[A file was attached here: it has been deleted since.]\\n\\nLook"

/* One string: not every server takes parts. */
START_TEST(texts_of_files_in_both_dialects)
{
    const struct model_message past[] = {{.text = "Look", .size = 4, FILES(inlined)}};
    const struct model_input in = {.model = "m",
                                   .history = past,
                                   .history_count = 1,
                                   .message = {.text = "Look", .size = 4, FILES(inlined)}};

    check_body("chat_completions", &in,
               "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" INLINED
               "\"},{\"role\":\"user\",\"content\":\"" INLINED
               "\"}],\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    check_body("responses", &in,
               "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"" INLINED
               "\"},{\"role\":\"user\",\"content\":\"" INLINED
               "\"}],\"stream\":true,\"store\":false}");
}
END_TEST

#define BY_ID                                                                           \
    "{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"file-1\"}," \
    "{\"type\":\"input_image\",\"file_id\":\"file-2\",\"detail\":\"auto\"},"            \
    "{\"type\":\"input_text\",\"text\":\"[Attached, in this order: \\\"a.pdf\\\", "     \
    "\\\"b.png\\\"]\\n"                                                                 \
    "[The file \\\"x\\\" was attached here: " MODEL_FILE_LEFT_OUT ".]\\n\\nLook\"}]}"

START_TEST(files_by_id)
{
    const struct model_message past[] = {
        {.text = "Look", .size = 4, FILES(by_id)},
        {.role = MODEL_ROLE_ASSISTANT, .text = "Nice", .size = 4},
    };
    const struct model_input in = {.model = "m",
                                   .history = past,
                                   .history_count = 2,
                                   .message = {.text = "Look", .size = 4, FILES(by_id)}};

    check_body("responses", &in,
               "{\"model\":\"m\",\"input\":[" BY_ID
               ",{\"role\":\"assistant\",\"content\":\"Nice\"}," BY_ID
               "],\"stream\":true,\"store\":false}");
    ck_assert(dialect_named("responses")->file_ids);
    ck_assert(!dialect_named("chat_completions")->file_ids);
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
    tcase_add_test(tests, files_have_a_price);
    tcase_add_test(tests, files_share_the_budget);
    tcase_add_test(tests, absent_files_cost_nothing);
    tcase_add_test(tests, responses);
    tcase_add_test(tests, completions);
    tcase_add_test(tests, least);
    tcase_add_test(tests, texts_of_files_in_both_dialects);
    tcase_add_test(tests, files_by_id);
    tcase_add_test(tests, dialects);
    return check_run("model_input", tests);
}
