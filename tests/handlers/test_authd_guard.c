/* authd against guessing: locks, and what a change of password asks for and does. */
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"
#define WRONG "WrongPass123"

static void guess(const char *email, int times)
{
    for (int i = 0; i < times; i++)
        ck_assert_int_eq(login_as(email, WRONG), BAD_LOGIN);
}

/* Moves the past further away. */
static void later(const char *interval)
{
    harness_sql(
        c, arena_printf(&c->arena,
                        "UPDATE login_failure SET locked_until = locked_until - interval '%s', "
                        "recent = ARRAY(SELECT t - interval '%s' FROM unnest(recent) t)",
                        interval, interval));
}

static void locked_for(const char *email, uint32_t seconds)
{
    ck_assert_int_eq(login_as(email, PASSWORD), RATE_LIMITED);
    ck_assert_uint_eq(c->retry_after, seconds);
    ck_assert_int_eq(login_as(email, WRONG), RATE_LIMITED);
    ck_assert_uint_eq(c->retry_after, seconds);
}

START_TEST(ten_failures_lock_and_the_lock_grows)
{
    static const uint32_t seconds[] = {30, 60, 120, 240, 480, 900, 900};

    account_make(EMAIL);
    guess(EMAIL, 10);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        locked_for(EMAIL, seconds[i]);
        later(arena_printf(&c->arena, "%u seconds", seconds[i]));
        guess(EMAIL, 1);
    }
}
END_TEST

START_TEST(never_for_good)
{
    account_make(EMAIL);
    guess(EMAIL, 10);
    locked_for(EMAIL, 30);
    later("30 seconds");
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
    guess(EMAIL, 9); /* all forgotten */
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
    guess(EMAIL, 10);
    locked_for(EMAIL, 30);
    later("15 minutes 31 seconds");
    guess(EMAIL, 9);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
}
END_TEST

START_TEST(a_clock_put_back_neither_locks_nor_opens)
{
    account_make(EMAIL);
    guess(EMAIL, 10);
    locked_for(EMAIL, 30);
    later("-1 hour"); /* what was now is in an hour */
    guess(EMAIL, 9);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
    guess(EMAIL, 10);
    later("-1 hour");
    guess(EMAIL, 10);
    locked_for(EMAIL, 30);
}
END_TEST

START_TEST(slow_failures_do_not_lock)
{
    account_make(EMAIL);
    for (int i = 0; i < 40; i++) {
        guess(EMAIL, 1);
        later("101 seconds");
    }
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
    guess(EMAIL, 5);
    later("14 minutes");
    guess(EMAIL, 4);
    later("2 minutes");
    guess(EMAIL, 5);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
}
END_TEST

START_TEST(an_unknown_address_is_locked_alike)
{
    account_make(EMAIL);
    guess("Nobody@example.com", 10);
    locked_for("nobody@EXAMPLE.com", 30);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE); /* others are not */
}
END_TEST

START_TEST(sessions_go_on)
{
    int64_t ann = account_make(EMAIL), session = session_make(EMAIL);

    guess(EMAIL, 10);
    locked_for(EMAIL, 30);
    ck_assert_int_ge(session_seq(ann, session), 0);
}
END_TEST

/* Prepare and apply when the time was over before the hash was there. */
static int late(const char *email, const char *password)
{
    struct user_login_in in = {.email = email, .password = password};

    c = harness_call(OP_user_login, 0);
    c->deadline_us = 1;
    return user_login_prepare(c, &in);
}

START_TEST(what_was_not_answered_in_time_counts_for_nothing)
{
    account_make(EMAIL);
    guess(EMAIL, 9);
    for (int i = 0; i < 5; i++) { /* each would be the tenth */
        ck_assert_int_eq(late(EMAIL, WRONG), TOO_LATE);
        ck_assert_int_eq(late(EMAIL, PASSWORD), TOO_LATE);
        ck_assert_int_eq(late("nobody@example.com", WRONG), TOO_LATE);
    }
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
    guess("nobody@example.com", 10);
    guess(EMAIL, 9);
    ck_assert_int_eq(late(EMAIL, WRONG), TOO_LATE);
    guess(EMAIL, 1);
    locked_for(EMAIL, 30);
    ck_assert_int_eq(late(EMAIL, WRONG), RATE_LIMITED); /* it waits for no hash */
    later("30 seconds");
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(late(EMAIL, WRONG), TOO_LATE);
    guess(EMAIL, 1);
    locked_for(EMAIL, 60); /* as if nothing had been in between */
}
END_TEST

/* ---- change of password -------------------------------------------------------------------- */

static int change_as(int64_t account, int64_t session, const char *old, const char *new)
{
    struct password_change_in in = {.old_password = old, .new_password = new};
    int r;

    c = harness_call(OP_password_change, account);
    c->session = session;
    r = password_change_prepare(c, &in);
    return r ? r : password_change(c, &in);
}

START_TEST(change_ends_the_other_sessions)
{
    int64_t ann = account_make(EMAIL), one = session_make(EMAIL), two = session_make(EMAIL);

    ck_assert_int_eq(change_as(ann, two, PASSWORD, "OtherPass456"), DONE);
    ck_assert_int_eq(session_seq(ann, one), -1);
    ck_assert_int_ge(session_seq(ann, two), 0);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(login_as(EMAIL, "OtherPass456"), DONE);
}
END_TEST

START_TEST(change_asks_for_the_old_one)
{
    int64_t ann = account_make(EMAIL), session = session_make(EMAIL);

    ck_assert_int_eq(change_as(ann, session, WRONG, "OtherPass456"), BAD_INPUT);
    ck_assert_str_eq(c->field, "old_password");
    ck_assert_int_eq(change_as(ann, session, PASSWORD, PASSWORD), BAD_INPUT);
    ck_assert_str_eq(c->field, "new_password");
    ck_assert_int_eq(change_as(ann, session, PASSWORD, "Password1"), BAD_INPUT);
    ck_assert_str_eq(c->field, "new_password");
    ck_assert_int_eq(change_as(ann, session, PASSWORD, "short1a"), BAD_INPUT);
    /* a stolen session is no way to guess: these failures count like those of the login */
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(change_as(ann, session, WRONG, "OtherPass456"), BAD_INPUT);
    ck_assert_int_eq(change_as(ann, session, PASSWORD, "OtherPass456"), RATE_LIMITED);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), RATE_LIMITED);
}
END_TEST

START_TEST(a_late_change_counts_for_nothing)
{
    struct password_change_in in = {.old_password = PASSWORD, .new_password = "OtherPass456"};
    int64_t ann = account_make(EMAIL);

    for (int i = 0; i < 12; i++) {
        c = harness_call(OP_password_change, ann);
        c->deadline_us = 1;
        ck_assert_int_eq(password_change_prepare(c, &in), TOO_LATE);
    }
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
}
END_TEST

START_TEST(two_changes_at_once)
{
    struct password_change_in in = {.old_password = PASSWORD, .new_password = "OtherPass456"};
    int64_t ann = account_make(EMAIL);

    c = harness_call(OP_password_change, ann);
    ck_assert_int_eq(password_change_prepare(c, &in), DONE);
    harness_sql(c, "UPDATE account SET password_hash = 'changed' WHERE email_key = '" EMAIL "'");
    ck_assert_int_eq(password_change(c, &in), CONFLICT);
}
END_TEST

/* ---- time ---------------------------------------------------------------------------------- */

/* Nanoseconds that a refused login takes of this thread's processor. */
static int64_t refusal_ns(const char *email)
{
    struct timespec from, to;

    harness_sql(c, "DELETE FROM login_failure");
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    ck_assert_int_eq(login_as(email, WRONG), BAD_LOGIN);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (to.tv_sec - from.tv_sec) * INT64_C(1000000000) + to.tv_nsec - from.tv_nsec;
}

/* An account, none, and one whose hash is of a cheaper time cost the same; figures in the log. */
START_TEST(a_refusal_tells_nothing_by_its_time)
{
    enum { TRIES = 60 };
    static const char *const emails[] = {EMAIL, "nobody@example.com", "old@example.com"};
    int64_t sum[3] = {0};

    state.cost = (struct password_cost){.memory_kib = 4096, .passes = 1};
    account_make("old@example.com");
    state.cost = (struct password_cost){.memory_kib = 8192, .passes = 2};
    ck_assert_int_eq(password_nobody(&state.cost, state.nobody), DONE);
    account_make(EMAIL);
    for (int i = 0; i < TRIES; i++)
        for (int k = 0; k < 3; k++)
            sum[k] += refusal_ns(emails[k]);
    for (int k = 0; k < 3; k++)
        printf("refused %s: %lld us\n", emails[k], (long long)(sum[k] / TRIES / 1000));
    /* what a missing dummy hash or pad would show is a factor, not some percent */
    for (int k = 1; k < 3; k++) {
        ck_assert_int_lt(sum[k], sum[0] * 5 / 4);
        ck_assert_int_gt(sum[k], sum[0] * 4 / 5);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_guard");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, ten_failures_lock_and_the_lock_grows);
    tcase_add_test(tests, never_for_good);
    tcase_add_test(tests, a_clock_put_back_neither_locks_nor_opens);
    tcase_add_test(tests, slow_failures_do_not_lock);
    tcase_add_test(tests, an_unknown_address_is_locked_alike);
    tcase_add_test(tests, sessions_go_on);
    tcase_add_test(tests, what_was_not_answered_in_time_counts_for_nothing);
    tcase_add_test(tests, a_late_change_counts_for_nothing);
    tcase_add_test(tests, change_ends_the_other_sessions);
    tcase_add_test(tests, change_asks_for_the_old_one);
    tcase_add_test(tests, two_changes_at_once);
    tcase_add_test(tests, a_refusal_tells_nothing_by_its_time);
    return check_run("authd_guard", tests);
}
