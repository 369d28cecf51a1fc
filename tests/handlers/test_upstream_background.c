/* chatd/upstream: answers that the provider makes in the background, and that are read again. */
#include <string.h>

#include "tests/handlers/upstream_rig.h"

static void whole_text(const char *model, struct text *ret)
{
    CALL s = {0};

    rig_ask(&s, model);
    text_add(ret, s.text.data, s.text.size);
}

START_TEST(places_come_before_texts)
{
    CALL s = {.background = true}, plain = {0};

    rig_ask(&s, "n-20x5");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_gt(s.places, 0);
    ck_assert_int_gt(s.place, 20);
    ck_assert_str_eq(s.place_id, s.response_id);
    provider_saw("\"background\":true");
    rig_ask(&plain, "n-3");
    ck_assert_int_eq(plain.places, 0);
}
END_TEST

/* Left by one reader, read to its end by the next; the provider made it once. */
START_TEST(another_reader_goes_on)
{
    cleanup(text_drop) struct text whole = {0}, both = {0}, calls = {0};
    CALL first = {.background = true}, second = {.background = true};

    whole_text("n-60", &whole);
    rig_begin(&first, "n-60x20");
    rig_wait(first.deltas > 5);
    upstream_leave(rig.upstream, first.id);
    rig_wait(first.ends > 0);
    ck_assert_int_eq(first.end.outcome, UPSTREAM_ABANDONED);
    second.resume = first.place_id;
    second.resume_after = first.place;
    rig_ask(&second, "");
    ck_assert_int_eq(second.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_gt(second.end.usage.output, 0);
    text_add(&both, first.text.data, first.text.size);
    text_add(&both, second.text.data, second.text.size);
    ck_assert_str_eq(both.data, whole.data);
    control("/_/stats", NULL, &calls);
    ck_assert_msg(strstr(calls.data, "\"total\":2,"), "%s", calls.data);
}
END_TEST

START_TEST(all_of_it_again)
{
    cleanup(text_drop) struct text whole = {0};
    CALL first = {.background = true}, second = {.background = true};

    whole_text("n-10", &whole);
    rig_ask(&first, "n-10");
    second.resume = first.place_id;
    second.resume_after = -1;
    rig_ask(&second, "");
    ck_assert_int_eq(second.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_str_eq(seen_text(&second), whole.data);
}
END_TEST

START_TEST(cancelled_at_the_provider)
{
    CALL s = {.background = true}, left = {.background = true};

    rig_begin(&s, "n-1000x20");
    rig_wait(s.deltas > 2);
    upstream_cancel(rig.upstream, s.id);
    rig_wait(s.ends > 0);
    ck_assert_int_eq(s.end.outcome, UPSTREAM_CANCELLED);
    provider_saw("\"outcome\":\"cancelled\"");
    rig_begin(&left, "n-1000x20.b");
    rig_wait(left.deltas > 2);
    upstream_leave(rig.upstream, left.id);
    rig_wait(left.ends > 0);
    provider_saw("\"outcome\":\"running\"");
    upstream_cancel_response(rig.upstream, left.place_id);
    for (int i = 0; i < 100; i++) {
        cleanup(text_drop) struct text calls = {0};
        control("/_/calls", NULL, &calls);
        if (!strstr(calls.data, "\"outcome\":\"running\""))
            return;
        usleep(50000);
    }
    ck_abort_msg("the provider goes on");
}
END_TEST

static void provider_says_soon(const char *what)
{
    for (int i = 0; i < 200; i++) {
        cleanup(text_drop) struct text calls = {0};
        control("/_/calls", NULL, &calls);
        if (strstr(calls.data, what))
            return;
        usleep(50000);
    }
    ck_abort_msg("the provider does not say %s", what);
}

/* The call ends at once, and the response as soon as it has a name. */
START_TEST(stopped_before_it_has_a_name)
{
    void (*const stops[])(struct upstream *, int64_t) = {upstream_cancel, upstream_leave};
    CALL s = {.background = true};

    rig_begin(&s, "n-1000x20+delay_ms=1000");
    provider_says_soon("\"outcome\":\"running\"");
    stops[_i](rig.upstream, s.id);
    rig_wait(s.ends > 0);
    provider_saw("\"outcome\":\"running\"");
    provider_says_soon("\"outcome\":\"cancelled\"");
    ck_assert_int_eq(s.starts + s.deltas + s.places, 0);
    ck_assert_int_eq(s.ends, 1);
}
END_TEST

/* An engine that ends does not wait for a name; nor does a call that was refused have one. */
START_TEST(a_name_that_never_comes)
{
    CALL hung = {.background = true}, refused = {.background = true};

    rig_begin(&refused, "fail-500+delay_ms=300");
    rig_begin(&hung, "hang");
    provider_says_soon("\"model\":\"hang\"");
    upstream_cancel(rig.upstream, hung.id);
    upstream_cancel(rig.upstream, refused.id);
    rig_wait(hung.ends > 0 && refused.ends > 0);
    usleep(500000);
    ck_assert_int_eq(refused.tries, 1);
}
END_TEST

/* What fails here for its silence shall not be paid for. */
START_TEST(a_silent_one_is_cancelled)
{
    CALL s = {.background = true};

    limits.idle_ms = 300;
    rig_ask(&s, "hold-3");
    ck_assert_int_eq(s.end.status, TIMEOUT_IDLE);
    provider_saw("\"outcome\":\"cancelled\"");
}
END_TEST

START_TEST(one_that_is_gone)
{
    CALL s = {.background = true, .resume = "resp_nothing", .resume_after = 7};

    rig_ask(&s, "");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_FAILED);
    ck_assert_int_eq(s.end.status, UPSTREAM_CUT);
    ck_assert(s.end.retryable);
    ck_assert_int_eq(s.tries, 1);
}
END_TEST

/* A refusal before the first word is asked anew, not read anew. */
START_TEST(tries_begin_anew)
{
    CALL s = {.background = true};

    rig_ask(&s, "flaky-1");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(s.tries, 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("upstream_background");

    tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, places_come_before_texts);
    tcase_add_test(tests, another_reader_goes_on);
    tcase_add_test(tests, all_of_it_again);
    tcase_add_test(tests, cancelled_at_the_provider);
    tcase_add_loop_test(tests, stopped_before_it_has_a_name, 0, 2);
    tcase_add_test(tests, a_name_that_never_comes);
    tcase_add_test(tests, a_silent_one_is_cancelled);
    tcase_add_test(tests, one_that_is_gone);
    tcase_add_test(tests, tries_begin_anew);
    return check_run("upstream_background", tests);
}
