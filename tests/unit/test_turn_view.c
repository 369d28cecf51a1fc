/* chatd/turn_view.h: turns as JSON, as the operation turn_get tells them from a row. */
#include "chatd/turn_view.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

static struct turn_view view_of(const char *state)
{
    return (struct turn_view){.id = 5,
                              .conversation = 4,
                              .user_message = 2,
                              .message = 3,
                              .attempt = 1,
                              .state = state,
                              .model = "m",
                              .created = "2026-11-23 02:43:50.5+00",
                              .sent_with = "{\"prompts\":[]}",
                              .text = "a\"b and more",
                              .text_size = 3,
                              .input_tokens = -1};
}

static void check(const struct turn_view *v, const char *expected)
{
    cleanup(text_drop) struct text out = {0};
    cleanup(json_drop) struct json_object *json = NULL;
    const char *why;

    text_puts(&out, "before");
    turn_view_json(&out, v);
    ck_assert_str_eq(out.data + 6, expected);
    ck_assert_int_eq(json_parse(out.data + 6, out.size - 6, &json, &why), 0);
}

#define HEAD(state)                                                                             \
    "{\"id\":5,\"conversation_id\":4,\"user_message_id\":2,\"message_id\":3,\"state\":\"" state \
    "\",\"attempt\":1,\"model\":\"m\",\"text\":\"a\\\"b\","
#define TAIL "\"sent_with\":{\"prompts\":[]},\"created_at\":\"2026-11-23T02:43:50.5Z\","

START_TEST(runs)
{
    struct turn_view v = view_of("running");

    check(&v, HEAD("running") "\"usage\":null,\"error\":null," TAIL "\"finished_at\":null}");
}
END_TEST

START_TEST(completed)
{
    struct turn_view v = view_of("completed");

    v.finished = "2026-11-23 02:43:51+00";
    v.input_tokens = 0;
    v.output_tokens = 7;
    v.dropped_messages = 1;
    v.detail = "of no error";
    check(&v, HEAD("completed") "\"usage\":{\"input_tokens\":0,\"output_tokens\":7,"
                                "\"total_tokens\":7,\"dropped_messages\":1},\"error\":null," TAIL
                                "\"finished_at\":\"2026-11-23T02:43:51Z\"}");
}
END_TEST

START_TEST(failed)
{
    struct turn_view v = view_of("failed");

    v.finished = "2026-11-23 02:43:51+00";
    v.error = "upstream_error";
    v.detail = "the \"model\" said no";
    check(&v, HEAD("failed") "\"usage\":null,\"error\":{\"code\":\"upstream_error\",\"detail\":"
                             "\"the \\\"model\\\" said no\",\"retryable\":false}," TAIL
                             "\"finished_at\":\"2026-11-23T02:43:51Z\"}");
    v.retryable = true;
    check(&v, HEAD("failed") "\"usage\":null,\"error\":{\"code\":\"upstream_error\",\"detail\":"
                             "\"the \\\"model\\\" said no\",\"retryable\":true}," TAIL
                             "\"finished_at\":\"2026-11-23T02:43:51Z\"}");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("turn_view");

    tcase_add_test(t, runs);
    tcase_add_test(t, completed);
    tcase_add_test(t, failed);
    return check_run("turn_view", t);
}
