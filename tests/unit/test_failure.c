/* chatd/upstream/failure.h: what each failure means for the turn and for people. */
#include "chatd/upstream/failure.h"

#include <string.h>

#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define KEY      "sk-0123456789abcdef"

static const struct {
    enum failure_cause cause;
    int http;
    const char *code, *message;
    enum status status;
    enum again again;
    bool retryable;
    const char *detail;
} cases[] = {
    {FAILURE_HTTP, 401, "invalid_api_key", "Incorrect API key provided: sk-01**ef", UPSTREAM_AUTH,
     AGAIN_NEVER, false, "the model provider refused the configured key (HTTP 401)"},
    {FAILURE_HTTP, 403, "", "", UPSTREAM_AUTH, AGAIN_NEVER, false,
     "the model provider refused the configured key (HTTP 403)"},
    {FAILURE_HTTP, 404, "model_not_found", "The model `x` does not exist", UPSTREAM_REFUSED,
     AGAIN_ASKED, false, "the model provider refused the request: The model `x` does not exist"},
    {FAILURE_HTTP, 400, "", "", UPSTREAM_REFUSED, AGAIN_ASKED, false,
     "the model provider refused the request (HTTP 400)"},
    {FAILURE_HTTP, 422, "", "no\nno " KEY, UPSTREAM_REFUSED, AGAIN_ASKED, false,
     "the model provider refused the request: no no [key]"},
    {FAILURE_HTTP, 400, "context_length_exceeded", "too long", TOO_LONG, AGAIN_NEVER, false,
     "the conversation does not fit into the model's context"},
    {FAILURE_HTTP, 429, "rate_limit_exceeded", "slow down", UPSTREAM_RATE, AGAIN_PAUSE, true,
     "the model provider's rate limit is reached (HTTP 429)"},
    {FAILURE_HTTP, 429, "insufficient_quota", "pay", UPSTREAM_RATE, AGAIN_NEVER, false,
     "the model provider's quota is used up"},
    {FAILURE_HTTP, 429, "billing_hard_limit_reached", "pay", UPSTREAM_RATE, AGAIN_NEVER, false,
     "the model provider's quota is used up"},
    {FAILURE_HTTP, 408, "", "", UPSTREAM_CUT, AGAIN_LATER, true,
     "the model provider could not answer (HTTP 408)"},
    {FAILURE_HTTP, 409, "", "", UPSTREAM_CUT, AGAIN_LATER, true,
     "the model provider could not answer (HTTP 409)"},
    {FAILURE_HTTP, 500, "server_error", "oops", UPSTREAM_CUT, AGAIN_LATER, true,
     "the model provider could not answer (HTTP 500)"},
    {FAILURE_HTTP, 529, "", "", UPSTREAM_CUT, AGAIN_LATER, true,
     "the model provider could not answer (HTTP 529)"},
    {FAILURE_HTTP, 301, "", "", UPSTREAM_REFUSED, AGAIN_NEVER, false,
     "the model provider's address answers with a redirect, which is not followed (HTTP 301)"},
    {FAILURE_HTTP, 600, "", "", UPSTREAM_CUT, AGAIN_NEVER, true,
     "the model provider gave no usable answer"},
    {FAILURE_EVENT, 200, "server_error", "The model produced an error", UPSTREAM_CUT, AGAIN_LATER,
     true, "the model provider reports an error: The model produced an error"},
    {FAILURE_EVENT, 200, "", "", UPSTREAM_CUT, AGAIN_LATER, true,
     "the model provider reports an error"},
    {FAILURE_EVENT, 200, "rate_limit_exceeded", "slow", UPSTREAM_RATE, AGAIN_PAUSE, true,
     "the model provider's rate limit is reached"},
    {FAILURE_EVENT, 200, "invalid_prompt", "bad words", UPSTREAM_REFUSED, AGAIN_NEVER, false,
     "the model provider refused the request: bad words"},
    {FAILURE_EVENT, 200, "content_filter", "", UPSTREAM_REFUSED, AGAIN_NEVER, false,
     "the model provider's content filter stopped the answer"},
    {FAILURE_EVENT, 200, "context_length_exceeded", "", TOO_LONG, AGAIN_NEVER, false,
     "the conversation does not fit into the model's context"},
    {FAILURE_SLOW_CONNECT, 0, "", "", TIMEOUT_CONNECT, AGAIN_LATER, true,
     "the model provider did not accept a connection in time"},
    {FAILURE_CERTIFICATE, 0, "", "", UPSTREAM_CUT, AGAIN_NEVER, false,
     "the model provider's certificate cannot be verified"},
    {FAILURE_BROKEN, 200, "", "", UPSTREAM_CUT, AGAIN_LATER, true,
     "the connection to the model provider broke"},
    {FAILURE_FIRST_TOKEN, 200, "", "", TIMEOUT_FIRST_TOKEN, AGAIN_NEVER, true,
     "the model did not begin to answer in time"},
    {FAILURE_IDLE, 200, "", "", TIMEOUT_IDLE, AGAIN_NEVER, true,
     "the model stopped in the middle of its answer"},
    {FAILURE_TOTAL, 200, "", "", TIMEOUT_TOTAL, AGAIN_NEVER, true,
     "the answer took longer than allowed"},
    {FAILURE_PAUSED, 0, "", "", UPSTREAM_RATE, AGAIN_NEVER, true,
     "the model provider's rate limit is reached"},
};

START_TEST(judged)
{
    struct failure f;

    failure_judge(&f, cases[_i].cause, cases[_i].http, cases[_i].code, cases[_i].message,
                  strlen(cases[_i].message), KEY);
    ck_assert_int_eq(f.status, cases[_i].status);
    ck_assert_int_eq(f.again, cases[_i].again);
    ck_assert_int_eq(f.retryable, cases[_i].retryable);
    ck_assert_str_eq(f.detail, cases[_i].detail);
}
END_TEST

START_TEST(every_cause_and_status)
{
    for (int cause = FAILURE_HTTP; cause <= FAILURE_PAUSED; cause++)
        for (int http = 0; http < 1000; http++) {
            struct failure f;
            failure_judge(&f, (enum failure_cause)cause, http, "unheard_of", "", 0, NULL);
            ck_assert_int_gt(f.status, 0);
            ck_assert_int_gt(strlen(f.detail), 0);
        }
}
END_TEST

/* However long the message is, and wherever the key stands in it, no part of it comes through. */
START_TEST(long_message)
{
    static char message[20000];
    struct failure f;

    for (size_t at = 380; at < 520; at++) {
        memset(message, 'a', sizeof message);
        memcpy(message + at, KEY, strlen(KEY));
        failure_judge(&f, FAILURE_HTTP, 400, "", message, sizeof message, KEY);
        ck_assert_uint_lt(strlen(f.detail), UPSTREAM_DETAIL_MAX);
        ck_assert_ptr_null(strstr(f.detail, "sk-"));
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("failure");

    tcase_add_loop_test(tests, judged, 0, COUNT(cases));
    tcase_add_test(tests, every_cause_and_status);
    tcase_add_test(tests, long_message);
    return check_run("failure", tests);
}
