/* chatd's turns when they are cancelled, lose their owner, or meet a limit. */
#include "tests/handlers/chatd_rig.h"

START_TEST(a_process_that_beats_again_keeps_its_turns)
{
    cleanup(rows_drop) PGresult *rows = NULL, *beaten = NULL;

    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    ck_assert_int_eq(claim("p1"), ALICE);
    owner_add("p1");
    ck_assert_int_eq(db_rows(c, Q_owner_beat, ARGS("p1"), &beaten), DONE);
    ck_assert_int_eq(db_rows(c, Q_owner_take, ARGS("p1", 0), &rows), DONE);
    ck_assert_int_eq(rows_count(rows), 0);
    ck_assert_str_eq(harness_sql(c, "SELECT state FROM turn ORDER BY id DESC LIMIT 1"), "running");
    ck_assert_str_eq(harness_sql(c, "SELECT count(*) FROM owner WHERE id = 'p1'"), "1");
}
END_TEST

static void dies(const char *process)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    owner_add(process);
    ck_assert_int_eq(db_rows(c, Q_owner_take, ARGS(process, 0), &rows), DONE);
    ck_assert_int_eq(rows_count(rows), 1);
}

/* All of this is one transaction, in which now() stands still. */
START_TEST(a_turn_that_kills_its_owners_waits)
{
    static const char wait[] =
        "SELECT extract(epoch FROM not_before - now())::bigint FROM turn ORDER BY id DESC LIMIT 1";

    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(claim("p1"), ALICE);
        ck_assert_ptr_null(harness_sql(c, wait));
        dies("p1");
    }
    ck_assert_str_eq(harness_sql(c, wait), "10");
    ck_assert_int_eq(claim("p2"), 0);
    harness_sql(c, "UPDATE turn SET not_before = now()");
    ck_assert_int_eq(claim("p2"), ALICE);
    dies("p2");
    ck_assert_str_eq(harness_sql(c, wait), "20");
    /* an owner that ran it for longer did not die of it */
    harness_sql(c, "UPDATE turn SET not_before = NULL");
    ck_assert_int_eq(claim("p3"), ALICE);
    harness_sql(c, "UPDATE turn SET started_at = now() - interval '61 seconds'");
    dies("p3");
    ck_assert_int_eq(claim("p4"), ALICE);
    ck_assert_str_eq(harness_sql(c, "SELECT deaths || '/' || takeovers FROM turn ORDER BY id DESC "
                                    "LIMIT 1"),
                     "4/5");
}
END_TEST

/* What is known of an attempt whose process was killed is kept. */
START_TEST(lost_attempts_are_recorded)
{
    int64_t turn;

    state.slots = 0;
    turn = asked("p1");
    ck_assert_int_eq(appended(turn, 1, "p1", 0, "12345"), 1);
    dies("p1");
    ck_assert_int_eq(claim("p2"), ALICE);
    ck_assert_int_eq(changed(Q_turn_hand_over,
                             ARGS(turn, 3, "p2", "{\"attempt\":2,\"outcome\":\"handed_over\"}")),
                     1);
    ck_assert_str_eq(
        harness_sql(c, "SELECT string_agg(concat_ws('/', a->>'attempt', a->>'process', "
                       "a->>'outcome', a->>'output_tokens', a->>'estimated'), ' ') FROM turn, "
                       "jsonb_array_elements(tries) a WHERE state = 'queued' AND process IS NULL"),
        "1/p1/lost/2/true 2/handed_over");
    ck_assert_str_eq(harness_sql(c, "SELECT deaths || '/' || takeovers || '/' || fence FROM turn "
                                    "ORDER BY id DESC LIMIT 1"),
                     "1/2/4");
}
END_TEST

START_TEST(a_clock_that_is_put_back_holds_no_turn_up)
{
    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    harness_sql(c, "UPDATE turn SET not_before = now() + interval '299 seconds' RETURNING 1");
    ck_assert_int_eq(claim("p1"), 0);
    harness_sql(c, "UPDATE turn SET not_before = now() + interval '1 hour' RETURNING 1");
    ck_assert_int_eq(claim("p1"), ALICE);
}
END_TEST

static int stop(int64_t caller, int64_t turn)
{
    struct turn_cancel_in in = {.turn_id = turn};

    c = harness_call(OP_turn_cancel, caller);
    return turn_cancel(c, &in);
}

START_TEST(a_waiting_turn_is_cancelled_at_once)
{
    int64_t turn, conversation;

    context.max_output_tokens = 7000;
    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    turn = c->turn_id;
    conversation = reply_i64(c, "conversation_id");
    ck_assert_int_eq(say(BOB, 0, 0, "Hello"), DONE);
    ck_assert_int_eq(stop(BOB, turn), NOT_FOUND);
    ck_assert_int_eq(stop(ALICE, turn), DONE);
    ck_assert_int_eq(c->http, 0);
    ck_assert_str_eq(reply_str(c, "state"), "cancelled");
    ck_assert(!reply_is_null(c, "finished_at"));
    ck_assert(reply_is_null(c, "usage"));
    ck_assert_int_eq(stop(ALICE, turn), DONE);
    ck_assert_int_eq(c->http, 200);
    ck_assert_str_eq(reply_str(c, "state"), "cancelled");
    ck_assert_int_eq(
        number("SELECT count(*) FROM conversation WHERE id = $1 AND active_turn IS NULL",
               conversation),
        1);
    ck_assert_int_eq(number("SELECT reserved FROM budget_day WHERE account_id = $1", ALICE), 0);
    ck_assert_str_eq(
        harness_sql(c, "SELECT status FROM message WHERE turn_id = (SELECT max(id) - 1 FROM turn) "
                       "AND role = 'assistant'"),
        "cancelled");
    ck_assert_int_eq(claim("p1"), BOB);
    ck_assert_int_eq(claim("p1"), 0);
    context.max_output_tokens = 0;
}
END_TEST

/* It ends where it runs; the row tells that it shall, and one transition wins. */
START_TEST(a_running_turn_is_asked_to_stop)
{
    cleanup(rows_drop) PGresult *rows = NULL;
    int64_t turn;

    state.slots = 0;
    turn = asked("p1");
    ck_assert_int_eq(changed(Q_cancels_asked, ARGS("p1")), 0);
    ck_assert_int_eq(stop(ALICE, turn), DONE);
    ck_assert_int_eq(c->http, 0);
    ck_assert_str_eq(reply_str(c, "state"), "running");
    ck_assert_int_eq(db_rows(c, Q_cancels_asked, ARGS("p1"), &rows), DONE);
    ck_assert_int_eq(rows_count(rows), 1);
    ck_assert_int_eq(finish(turn, 1, "p1"), 1); /* it was faster */
    ck_assert_int_eq(stop(ALICE, turn), DONE);
    ck_assert_int_eq(c->http, 200);
    ck_assert_str_eq(reply_str(c, "state"), "completed");
}
END_TEST

static int end_queued(void)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    ck_assert_int_eq(db_rows(c, Q_turn_end_queued, ARGS(arg_i64_if(false, 0)), &rows), DONE);
    return rows_count(rows);
}

START_TEST(a_takeover_of_a_cancelled_turn_is_its_end)
{
    int64_t turn;

    state.slots = 0;
    turn = asked("p1");
    ck_assert_int_eq(appended(turn, 1, "p1", 0, "partly"), 1);
    ck_assert_int_eq(stop(ALICE, turn), DONE);
    ck_assert_int_eq(end_queued(), 0);
    dies("p1");
    ck_assert_int_eq(claim("p2"), 0);
    ck_assert_int_eq(end_queued(), 1);
    ck_assert_int_eq(end_queued(), 0);
    ck_assert_int_eq(stop(ALICE, turn), DONE);
    ck_assert_str_eq(reply_str(c, "state"), "cancelled");
    ck_assert_str_eq(reply_str(c, "text"), "partly");
    ck_assert_int_eq(reply_i64(c, "attempt"), 2); /* clients may have seen more */
    ck_assert_int_eq(number("SELECT output_tokens FROM usage_day WHERE owner_id = $1", ALICE), 3);
}
END_TEST

/* What an answer that was stopped has, was said. */
START_TEST(a_cancelled_answer_is_part_of_the_history)
{
    struct history h;
    int64_t conversation = talk(ALICE, 0, "one", "part"), leaf;

    harness_sql(c, "UPDATE message SET status = 'cancelled' WHERE content = 'part' RETURNING 1");
    leaf = number("SELECT active_leaf FROM conversation WHERE id = $1", conversation);
    ck_assert_int_eq(history_read(c, ALICE, leaf, 16000, &h), DONE);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_str_eq(h.messages[1].text, "part");
    history_drop(&h);
}
END_TEST

/* A cancel may be heard before the turn is listed, and the other way round. */
START_TEST(a_cancel_finds_the_turn_when_it_comes)
{
    struct turn_order early = {.id = 11, .fence = 1}, late = {.id = 12, .fence = 1};
    struct turn *t;

    pthread_mutex_init(&state.lock, NULL);
    turn_cancel_here(&state, 11);
    t = turn_new(&state, &early);
    ck_assert(t->cancel);
    turn_drop(t);
    t = turn_new(&state, &late);
    ck_assert(!t->cancel);
    turn_cancel_here(&state, 12);
    ck_assert(t->cancel);
    turn_drop(t);
    pthread_mutex_destroy(&state.lock);
}
END_TEST

/* Before the wish is written down; a stranger's wish does nothing, and is not remembered. */
START_TEST(only_its_user_stops_a_turn_at_once)
{
    struct turn_order order = {.id = 13, .account = 7, .fence = 1};
    struct turn *t;

    pthread_mutex_init(&state.lock, NULL);
    ck_assert(!turn_cancel_own(&state, 13, 7));
    t = turn_new(&state, &order);
    ck_assert(!t->cancel);
    ck_assert(!turn_cancel_own(&state, 13, 8));
    ck_assert(!turn_cancel_own(&state, 12, 7));
    ck_assert(!t->cancel);
    ck_assert(turn_cancel_own(&state, 13, 7));
    ck_assert(t->cancel);
    turn_drop(t);
    pthread_mutex_destroy(&state.lock);
}
END_TEST

/* A process that may have been stopped takes nothing, and what it began before is not its own. */
START_TEST(a_process_in_doubt_takes_nothing)
{
    struct turn_order o = {.id = 11, .fence = 1};
    struct turn *t;

    pthread_mutex_init(&state.lock, NULL);
    ck_assert(slot_take(&state, &o.term));
    turns_lose(&state);
    t = turn_new(&state, &o);
    ck_assert(t->lost);
    turn_drop(t);
    state.beat_us = clock_boot_us() - 3000000;
    ck_assert(!turns_are_ours(&state));
    ck_assert(!slot_take(&state, &o.term));
    state.beat_us = clock_boot_us();
    ck_assert(slot_take(&state, &o.term));
    t = turn_new(&state, &o);
    ck_assert(!t->lost);
    turn_drop(t);
    pthread_mutex_destroy(&state.lock);
}
END_TEST

/* While the limit is near, one transaction at a time is told yes. */
START_TEST(nobody_passes_the_users_limit)
{
    static const char ask[] = "SELECT may_run(7000001, 2)::int";

    state.slots = 0;
    ck_assert_str_eq(harness_sql(c, ask), "1");
    ck_assert_int_eq(say(ALICE, 0, 0, "1"), DONE);
    ck_assert_int_eq(say(ALICE, 0, 0, "2"), DONE);
    ck_assert_int_eq(claim("p1"), ALICE);
    ck_assert_str_eq(harness_sql(c, ask), "1");
    ck_assert_int_eq(claim("p1"), ALICE);
    ck_assert_str_eq(harness_sql(c, ask), "0");
    ck_assert_str_eq(harness_sql(c, "SELECT may_run(7000001, 100)::int"), "1");
}
END_TEST

START_TEST(an_erased_project_stops_what_runs)
{
    struct chat_project_erase_in in = {.event_id = 1, .project_id = PROJECT};
    int64_t turn;

    context.max_output_tokens = 7000;
    state.slots = 0;
    turn = asked("p1");
    c = harness_call(OP_chat_project_erase, ALICE);
    ck_assert_int_eq(chat_project_erase(c, &in), DONE);
    ck_assert_str_eq(c->out.data, "{\"more\":true,\"wait\":0}");
    pthread_mutex_init(&state.lock, NULL);
    c->committed(c, c->settle_state);
    c->committed = c->undone = NULL;
    ck_assert_int_eq(state.cancels[(state.cancel_next - 1) % CANCELS_MAX], turn);
    pthread_mutex_destroy(&state.lock);
    /* its end is written as ever, so that what it cost counts */
    ck_assert_int_eq(finish(turn, 1, "p1"), 1);
    ck_assert_int_eq(number("SELECT reserved FROM budget_day WHERE account_id = $1", ALICE), 0);
    context.max_output_tokens = 0;
}
END_TEST

START_TEST(a_process_that_ends_takes_no_slot)
{
    int64_t term;

    state.draining = true;
    ck_assert(!slot_take(&state, &term));
    ck_assert_int_eq(state.slots, 1);
    state.draining = false;
    ck_assert(slot_take(&state, &term));
    ck_assert(!slot_take(&state, &term));
    ck_assert_int_eq(state.slots, 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("chatd_control");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_process_that_beats_again_keeps_its_turns);
    tcase_add_test(t, a_turn_that_kills_its_owners_waits);
    tcase_add_test(t, lost_attempts_are_recorded);
    tcase_add_test(t, a_clock_that_is_put_back_holds_no_turn_up);
    tcase_add_test(t, a_waiting_turn_is_cancelled_at_once);
    tcase_add_test(t, a_running_turn_is_asked_to_stop);
    tcase_add_test(t, a_takeover_of_a_cancelled_turn_is_its_end);
    tcase_add_test(t, a_cancelled_answer_is_part_of_the_history);
    tcase_add_test(t, a_cancel_finds_the_turn_when_it_comes);
    tcase_add_test(t, only_its_user_stops_a_turn_at_once);
    tcase_add_test(t, a_process_in_doubt_takes_nothing);
    tcase_add_test(t, nobody_passes_the_users_limit);
    tcase_add_test(t, an_erased_project_stops_what_runs);
    tcase_add_test(t, a_process_that_ends_takes_no_slot);
    return check_run("chatd_control", t);
}
