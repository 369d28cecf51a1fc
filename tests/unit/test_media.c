/* Content-Type of JSON bodies. */
#include "gateway/media.h"
#include "tests/unit/check_main.h"

START_TEST(json)
{
    static const char *const good[] = {"application/json",
                                       "Application/JSON",
                                       "application/json;charset=utf-8",
                                       "application/json; charset=UTF-8",
                                       "application/json ; charset=\"utf-8\"",
                                       "application/json; version=1; charset=utf-8",
                                       "application/json;"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(media_is_json(good[i]), "%s", good[i]);
}
END_TEST

START_TEST(something_else)
{
    static const char *const bad[] = {"",
                                      "text/plain",
                                      "application/jsonp",
                                      "application/json5; charset=utf-8",
                                      "application/json; charset=latin1",
                                      "application/json; charset=utf-16",
                                      "application/json; charset=\"utf-8",
                                      "application/json; charset",
                                      "application/json; =utf-8",
                                      "application/json charset=utf-8",
                                      "application/json; a=\"b\"c",
                                      "multipart/form-data; boundary=x"};

    ck_assert(!media_is_json(NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!media_is_json(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(accepted)
{
    static const struct {
        const char *accept;
        bool is;
    } cases[] = {{NULL, false},
                 {"", false},
                 {"*/*", false},
                 {"text/*", false},
                 {"application/json", false},
                 {"text/event-stream", true},
                 {"Text/Event-Stream", true},
                 {"text/event-stream;charset=utf-8", true},
                 {"text/event-stream ; q=0.1", true},
                 {"application/json, text/event-stream", true},
                 {"application/json ,text/event-stream;q=1.0,*/*", true},
                 {"text/event-streams", false},
                 {"xtext/event-stream", false},
                 {"text/event-stream;q=0", false},
                 {"text/event-stream; q=0.000, */*", false},
                 {"text/event-stream;q=0.001", true},
                 {",,text/event-stream", true}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(media_accepts(cases[i].accept, "text/event-stream") == cases[i].is, "%s",
                      cases[i].accept);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("media");

    tcase_add_test(tests, json);
    tcase_add_test(tests, something_else);
    tcase_add_test(tests, accepted);
    return check_run("media", tests);
}
