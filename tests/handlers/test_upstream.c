/* chatd/upstream on a real provider: answers, failures, retries, pauses and limits of time. */
#include <stdio.h>
#include <string.h>

#include "tests/handlers/upstream_rig.h"

#define U_FFFD "\xef\xbf\xbd"

/* --- answers ---------------------------------------------------------------------------------- */

static const char *const dialects[] = {"responses", "chat_completions"};

static void use_dialect(const char *name)
{
    struct upstream_config c = rig_config();

    c.dialect = dialect_named(name);
    rig_engine(&c);
}

START_TEST(answer)
{
    CALL s = {0};

    use_dialect(dialects[_i]);
    ck_assert_int_eq(rig_try(&s, dialects[_i], "echo", "H\xc3\xa9llo \"you\"\n"), DONE);
    rig_wait(s.ends > 0);
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(s.end.status, DONE);
    ck_assert_str_eq(seen_text(&s), "H\xc3\xa9llo \"you\"\n");
    ck_assert_str_eq(s.finish_reason, "stop");
    ck_assert_int_eq(s.end.http, 200);
    ck_assert_int_gt(s.end.usage.input, 0);
    ck_assert_int_gt(s.end.usage.output, 0);
    ck_assert_int_eq(s.end.usage.total, s.end.usage.input + s.end.usage.output);
    ck_assert_str_ne(s.response_id, "");
    ck_assert_int_eq(s.starts, 1);
    ck_assert_int_eq(s.tries, 1);
    ck_assert_int_eq(s.end.tries, 1);
    ck_assert_int_eq(s.try[0].status, DONE);
    ck_assert_int_eq(s.try[0].again_ms, -1);
    ck_assert_int_ge(s.end.first_us, 0);
    ck_assert_int_ge(s.end.total_us, s.end.first_us);
    rig_wait(rig.rounds > 0);
    provider_saw("Be brief.");
}
END_TEST

/* Whatever way it is cut, it is the same text. */
START_TEST(same_text_in_pieces)
{
    static const char *const models[] = {"n-50", "n-50+split=1", "n-50+split=7", "n-50x2"};
    CALL whole = {0};

    rig_ask(&whole, "n-50");
    ck_assert_uint_gt(whole.text.size, 100);
    for (size_t i = 0; i < COUNT(models); i++) {
        CALL s = {0};
        rig_ask(&s, models[i]);
        ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
        ck_assert_str_eq(seen_text(&s), seen_text(&whole));
    }
}
END_TEST

START_TEST(bad_utf8)
{
    CALL s = {0};

    use_dialect(dialects[_i]);
    ck_assert_int_eq(rig_try(&s, dialects[_i], "bad-utf8", "Hello"), DONE);
    rig_wait(s.ends > 0);
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_ptr_nonnull(strstr(seen_text(&s), U_FFFD));
}
END_TEST

START_TEST(large_answer)
{
    CALL s = {0};

    rig_ask(&s, "n-2000+delta_bytes=500");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_uint_ge(s.text.size, 990000);
}
END_TEST

START_TEST(too_large_answer)
{
    CALL s = {0};

    rig_ask(&s, "n-100+delta_bytes=65536");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_FAILED);
    ck_assert_int_eq(s.end.status, UPSTREAM_CUT);
    ck_assert_int_eq(s.tries, 1);
    ck_assert_uint_le(s.text.size, UPSTREAM_TEXT_MAX);
}
END_TEST

/* --- ends ------------------------------------------------------------------------------------- */

static const struct {
    const char *dialect, *model;
    enum upstream_outcome outcome;
    enum status status;
    bool retryable;
    int tries;        /* requests; 0: not looked at */
    bool text;        /* some was delivered */
    const char *word; /* in the detail */
    const char *finish_reason;
} ends[] = {
    {"responses", "incomplete", UPSTREAM_INCOMPLETE, DONE, false, 1, true, "", "max_output_tokens"},
    {"responses", "filtered", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, true, "content filter",
     "content_filter"},
    {"responses", "cut", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke", ""},
    {"responses", "cut+reset=1", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke", ""},
    {"responses", "no-terminal", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke off", ""},
    {"responses", "garbage", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "no answer", ""},
    {"responses", "error-event", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"responses", "error-event-flat", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"responses", "failed-event", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"responses", "fail-400", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, false, "refused", ""},
    {"responses", "fail-400+message=the key " KEY " is no good", UPSTREAM_FAILED, UPSTREAM_REFUSED,
     false, 1, false, "the key [key] is no good", ""},
    {"responses", "unknown", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, false, "unknown", ""},
    {"responses", "fail-401", UPSTREAM_FAILED, UPSTREAM_AUTH, false, 1, false, "key", ""},
    {"responses", "fail-403", UPSTREAM_FAILED, UPSTREAM_AUTH, false, 1, false, "key", ""},
    {"responses", "fail-400+code=context_length_exceeded", UPSTREAM_FAILED, TOO_LONG, false, 1,
     false, "context", ""},
    {"responses", "fail-429+code=insufficient_quota", UPSTREAM_FAILED, UPSTREAM_RATE, false, 1,
     false, "quota", ""},
    {"responses", "fail-500+x_should_retry=0", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, false,
     "HTTP 500", ""},
    {"responses", "fail-500+retry_after_ms=1", UPSTREAM_FAILED, UPSTREAM_CUT, true, 3, false,
     "HTTP 500", ""},
    {"responses", "fail-408+retry_after_ms=1", UPSTREAM_FAILED, UPSTREAM_CUT, true, 3, false,
     "HTTP 408", ""},
    {"responses", "fail-400+x_should_retry=1+retry_after_ms=1", UPSTREAM_FAILED, UPSTREAM_REFUSED,
     false, 3, false, "refused", ""},
    {"responses", "flaky-2+retry_after_ms=1", UPSTREAM_COMPLETED, DONE, false, 3, true, "", "stop"},
    {"responses", "rate-5", UPSTREAM_COMPLETED, DONE, false, 6, true, "", "stop"},
    {"chat_completions", "incomplete", UPSTREAM_INCOMPLETE, DONE, false, 1, true, "",
     "max_output_tokens"},
    {"chat_completions", "filtered", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, true, "filter",
     "content_filter"},
    {"chat_completions", "cut", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke", ""},
    {"chat_completions", "garbage", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "no answer", ""},
    {"chat_completions", "error-event", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"chat_completions", "unknown", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, false, "unknown",
     ""},
};

START_TEST(end)
{
    CALL s = {0};

    use_dialect(ends[_i].dialect);
    ck_assert_int_eq(rig_try(&s, ends[_i].dialect, ends[_i].model, "Hello"), DONE);
    rig_wait(s.ends > 0);
    ck_assert_msg(s.end.outcome == ends[_i].outcome, "%s: %d", ends[_i].model, s.end.outcome);
    ck_assert_msg(s.end.status == ends[_i].status, "%s: %d %s", ends[_i].model, s.end.status,
                  s.detail);
    ck_assert_msg(s.end.retryable == ends[_i].retryable, "%s", ends[_i].model);
    ck_assert_msg(ends[_i].tries == 0 || s.tries == ends[_i].tries, "%s: %d tries", ends[_i].model,
                  s.tries);
    ck_assert_msg((s.text.size > 0) == ends[_i].text, "%s: %s", ends[_i].model, seen_text(&s));
    ck_assert_msg(strstr(s.detail, ends[_i].word) != NULL, "%s: %s", ends[_i].model, s.detail);
    ck_assert_str_eq(s.finish_reason, ends[_i].finish_reason);
    ck_assert_int_eq(s.try[s.tries - 1].again_ms, -1);
    ck_assert_int_eq(upstream_running(rig.upstream), 0);
}
END_TEST

/* Before the first token everything is tried again, as a page instead of a stream is. */
START_TEST(nothing_came)
{
    static const char *const models[] = {
        "drop", "garbage-body", "cut-0", "no-terminal+after=0", "fail-429", "error-event+after=0"};
    static struct seen seen[COUNT(models)];

    for (size_t i = 0; i < COUNT(models); i++)
        rig_begin(&seen[i], models[i]);
    rig_wait(rig.ended == COUNT(models));
    for (size_t i = 0; i < COUNT(models); i++) {
        struct seen *s = &seen[i];
        bool rate = strcmp(models[i], "fail-429") == 0;
        ck_assert_int_eq(s->end.outcome, UPSTREAM_FAILED);
        ck_assert_msg(s->end.status == (rate ? UPSTREAM_RATE : UPSTREAM_CUT), "%s: %s", models[i],
                      s->detail);
        ck_assert(s->end.retryable);
        ck_assert_int_eq(s->end.tries, 3);
        ck_assert_int_eq(s->tries, 3);
        ck_assert_int_ge(s->try[0].again_ms, 375);
        ck_assert_int_le(s->try[0].again_ms, 500);
        ck_assert_int_ge(s->try[1].again_ms, 750);
        ck_assert_uint_eq(s->text.size, 0);
    }
}
END_TEST

/* Who may not ask any more does not, and nothing is said of the request that was not made. */
START_TEST(may_not_ask_again)
{
    CALL s = {.asks_max = 1};

    rig_ask(&s, "drop");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_ABANDONED);
    ck_assert_int_eq(s.asks, 2);
    ck_assert_int_eq(s.tries, 1);
    ck_assert_int_ge(s.try[0].again_ms, 375);
    ck_assert_int_eq(s.end.tries, 1);
}
END_TEST

START_TEST(may_not_ask)
{
    CALL one = {.asks = 1, .asks_max = 1}, background = {.asks = 1, .asks_max = 1}, next = {0};

    background.background = true;
    rig_ask(&one, "echo");
    rig_ask(&background, "echo");
    ck_assert_int_eq(one.end.outcome, UPSTREAM_ABANDONED);
    ck_assert_int_eq(background.end.outcome, UPSTREAM_ABANDONED);
    ck_assert_int_eq(one.tries + background.tries, 0);
    ck_assert_int_eq(provider_calls(), 0);
    rig_ask(&next, "echo");
    ck_assert_int_eq(next.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(provider_calls(), 1);
}
END_TEST

/* --- pauses ----------------------------------------------------------------------------------- */

START_TEST(pause_is_for_all)
{
    CALL first = {0}, second = {0};

    rig_begin(&first, "fail-429+retry_after_ms=600+times=1");
    rig_wait(first.tries > 0);
    rig_ask(&second, "echo");
    ck_assert_int_eq(second.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(second.tries, 1);
    ck_assert_int_ge(second.end.total_us, 500000);
    rig_wait(first.ends > 0);
    ck_assert_int_eq(first.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(first.end.tries, 1); /* the pause was none */
}
END_TEST

START_TEST(pause_beyond_the_deadline)
{
    CALL first = {0}, second = {0};

    limits.total_ms = 2000;
    rig_ask(&first, "fail-429+retry_after=30");
    ck_assert_int_eq(first.end.status, UPSTREAM_RATE);
    ck_assert_uint_eq(first.end.retry_after_s, 30);
    ck_assert_int_lt(first.end.total_us, 300000 * patience());
    rig_ask(&second, "echo");
    ck_assert_int_eq(second.end.status, UPSTREAM_RATE);
    ck_assert_int_eq(second.tries, 0);
    ck_assert_uint_ge(second.end.retry_after_s, 29);
}
END_TEST

/* An absurd Retry-After fails its own call, and holds the others up for a minute, not for days. */
START_TEST(pause_is_bounded)
{
    CALL first = {0}, second = {0};

    limits.total_ms = 50000;
    rig_ask(&first, "fail-429+retry_after=86400");
    ck_assert_int_eq(first.end.status, UPSTREAM_RATE);
    ck_assert_uint_eq(first.end.retry_after_s, 86400);
    rig_ask(&second, "echo");
    ck_assert_int_eq(second.end.status, UPSTREAM_RATE);
    ck_assert_uint_ge(second.end.retry_after_s, 58);
    ck_assert_uint_le(second.end.retry_after_s, 60);
}
END_TEST

/* --- time ------------------------------------------------------------------------------------- */

START_TEST(first_token_limit)
{
    static const char *const models[] = {"hang", "n-5+first_ms=5000"};

    limits.first_token_ms = 300;
    for (size_t i = 0; i < COUNT(models); i++) {
        CALL s = {0};
        rig_ask(&s, models[i]);
        ck_assert_int_eq(s.end.status, TIMEOUT_FIRST_TOKEN);
        ck_assert_int_ge(s.end.total_us, 300000);
        ck_assert_int_lt(s.end.total_us, 300000 + 300000 * patience());
        ck_assert_int_eq(s.tries, 1);
    }
}
END_TEST

START_TEST(idle_limit)
{
    CALL slow = {0}, hung = {0};

    limits.idle_ms = 300;
    rig_ask(&hung, "hang-3");
    ck_assert_int_eq(hung.end.status, TIMEOUT_IDLE);
    ck_assert_uint_gt(hung.text.size, 0);
    ck_assert_int_lt(hung.end.total_us, 300000 + 400000 * patience());
    rig_ask(&slow, "n-8x100"); /* longer in all, but never silent for so long */
    ck_assert_int_eq(slow.end.outcome, UPSTREAM_COMPLETED);
}
END_TEST

/* While this process was stopped nobody was silent: a model that went on is read first, and one
 * that may have been stopped with us gets its time anew. */
START_TEST(our_own_stalls_are_no_silence)
{
    CALL staller = {0}, steady = {0}, waiting = {0}, held = {0};

    limits.idle_ms = limits.first_token_ms = 700;
    rig_begin(&steady, "n-40x100");
    rig_wait(steady.deltas > 4);
    rig_begin(&held, "hold-3");
    rig_wait(held.deltas > 0);
    rig_begin(&waiting, "n-3+first_ms=600");
    rig_wait(waiting.starts > 0);
    staller.stall_ms = 2000;
    rig_begin(&staller, "n-3x20");
    rig_wait(staller.ends > 0);
    provider_release();
    rig_wait(rig.ended == 4);
    ck_assert_int_eq(staller.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(steady.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(waiting.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(held.end.outcome, UPSTREAM_COMPLETED);
}
END_TEST

/* And real silence after a stall is still found. */
START_TEST(silence_after_a_stall)
{
    CALL staller = {0}, hung = {0};

    limits.idle_ms = 300;
    rig_begin(&hung, "hang-3");
    rig_wait(hung.deltas > 0);
    staller.stall_ms = 1000;
    rig_begin(&staller, "n-3x20");
    rig_wait(rig.ended == 2);
    ck_assert_int_eq(staller.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(hung.end.status, TIMEOUT_IDLE);
}
END_TEST

START_TEST(total_limit)
{
    CALL s = {0}, waiting = {0};

    limits.total_ms = 500;
    rig_begin(&s, "n-1000x20");
    rig_begin(&waiting, "hang");
    rig_wait(rig.ended == 2);
    ck_assert_int_eq(s.end.status, TIMEOUT_TOTAL);
    ck_assert_int_eq(waiting.end.status, TIMEOUT_TOTAL);
    ck_assert_int_lt(s.end.total_us, 500000 + 300000 * patience());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("upstream");

    signal(SIGPIPE, SIG_IGN);
    tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, answer, 0, COUNT(dialects));
    tcase_add_test(tests, same_text_in_pieces);
    tcase_add_loop_test(tests, bad_utf8, 0, COUNT(dialects));
    tcase_add_test(tests, large_answer);
    tcase_add_test(tests, too_large_answer);
    tcase_add_loop_test(tests, end, 0, COUNT(ends));
    tcase_add_test(tests, nothing_came);
    tcase_add_test(tests, may_not_ask_again);
    tcase_add_test(tests, may_not_ask);
    tcase_add_test(tests, pause_is_for_all);
    tcase_add_test(tests, pause_beyond_the_deadline);
    tcase_add_test(tests, pause_is_bounded);
    tcase_add_test(tests, first_token_limit);
    tcase_add_test(tests, idle_limit);
    tcase_add_test(tests, our_own_stalls_are_no_silence);
    tcase_add_test(tests, silence_after_a_stall);
    tcase_add_test(tests, total_limit);
    return check_run("upstream", tests);
}
