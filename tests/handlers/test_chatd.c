/* chatd's turns: accepting, history, claiming, ending; on a real database, without an upstream. */
#include "chatd/erase.h"
#include "tests/handlers/chatd_rig.h"

START_TEST(a_message_makes_a_conversation)
{
    int64_t turn;

    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    turn = c->turn_id;
    ck_assert_int_eq(turn, reply_i64(c, "turn_id"));
    ck_assert_str_eq(
        harness_sql(c, "SELECT state || attempt || fence FROM turn ORDER BY id DESC LIMIT 1"),
        "running11");
    ck_assert_int_eq(state.slots, 0);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE turn_id = $1", turn), 2);
    ck_assert_str_eq(
        harness_sql(c, "SELECT role || status || content FROM message ORDER BY id LIMIT 1 "
                       "OFFSET (SELECT count(*) - 2 FROM message)"),
        "usercompleteHello");
    ck_assert_int_eq(
        number("SELECT active_leaf = (SELECT message_id FROM turn WHERE id = $1)::bigint "
               "FROM conversation ORDER BY id DESC LIMIT 1",
               turn),
        0); /* 't' */
}
END_TEST

START_TEST(without_a_slot_it_waits)
{
    conf_begin("QUEUE_MAX=3");
    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    ck_assert_str_eq(harness_sql(c, "SELECT state || fence FROM turn ORDER BY id DESC LIMIT 1"),
                     "queued0");
    ck_assert_int_eq(say(ALICE, 0, 0, "2"), DONE);
    ck_assert_int_eq(say(ALICE, 0, 0, "3"), DONE);
    ck_assert_int_eq(say(ALICE, 0, 0, "4"), QUEUE_FULL);
    ck_assert_uint_gt(c->retry_after, 0);
}
END_TEST

/* Slots are free, but not for this user: that is waiting, too. */
START_TEST(a_user_at_the_limit_fills_the_queue_as_well)
{
    conf_begin("QUEUE_MAX=3");
    context.max_output_tokens = 1; /* of the day's */
    state.slots = 100;
    for (int64_t n = 0; n < conf_i64(state.conf, SET_MAX_TURNS_PER_USER) + 3; n++)
        ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    ck_assert_str_eq(harness_sql(c, "SELECT count(*) FROM turn WHERE state = 'queued'"), "3");
    ck_assert_int_eq(say(ALICE, 0, 0, "one too many"), QUEUE_FULL);
    ck_assert_uint_gt(c->retry_after, 0);
    ck_assert_int_eq(say(BOB, 0, 0, "runs at once"), DONE);
    context.max_output_tokens = 0;
}
END_TEST

START_TEST(a_message_behind_an_open_answer_waits)
{
    int64_t conversation;

    state.slots = 5;
    ck_assert_int_eq(say(ALICE, 0, 0, "first"), DONE);
    conversation = reply_i64(c, "conversation_id");
    ck_assert_int_eq(say(ALICE, conversation, 0, "second"), DONE);
    ck_assert_str_eq(harness_sql(c, "SELECT state FROM turn ORDER BY id DESC LIMIT 1"), "queued");
    ck_assert_int_eq(number("SELECT depth FROM message ORDER BY id DESC LIMIT 1", 0), 3);
}
END_TEST

START_TEST(foreign_and_wrong_places_are_refused)
{
    int64_t conversation = talk(ALICE, 0, "mine", "yours"), question;

    question = number("SELECT id FROM message WHERE role = 'user' ORDER BY id DESC LIMIT 1", 0);
    ck_assert_int_eq(say(BOB, conversation, 0, "let me in"), NOT_FOUND);
    ck_assert_str_eq(c->field, "conversation_id");
    ck_assert_int_eq(say(ALICE, conversation, 999999999, "x"), NOT_FOUND);
    ck_assert_str_eq(c->field, "parent_id");
    ck_assert_int_eq(say(ALICE, conversation, question, "x"), BAD_INPUT);
    ck_assert_int_eq(say(ALICE, 0, question, "x"), BAD_INPUT);
    ck_assert_str_eq(c->field, "parent_id");
}
END_TEST

START_TEST(history_is_the_branch_within_the_budget)
{
    struct history h;
    int64_t conversation = talk(ALICE, 0, "one", "first answer"), leaf;

    talk(ALICE, conversation, "two", "second answer");
    leaf = number("SELECT active_leaf FROM conversation WHERE id = $1", conversation);
    ck_assert_int_eq(history_read(c, ALICE, leaf, 16000, &h), DONE);
    ck_assert_uint_eq(h.count, 4);
    ck_assert_int_eq(h.dropped, 0);
    ck_assert_str_eq(h.messages[0].text, "one");
    ck_assert_str_eq(h.messages[3].text, "second answer");
    history_drop(&h);
    /* room for the newest turn only */
    ck_assert_int_eq(
        history_read(c, ALICE, leaf,
                     model_input_tokens("two", 3) + model_input_tokens("second answer", 13), &h),
        DONE);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_int_eq(h.dropped, 2);
    ck_assert_str_eq(h.messages[0].text, "two");
    history_drop(&h);
    ck_assert_int_eq(history_read(c, ALICE, leaf, 0, &h), DONE);
    ck_assert_uint_eq(h.count, 0);
    ck_assert_int_eq(h.dropped, 4);
    history_drop(&h);
    ck_assert_int_eq(history_read(c, BOB, leaf, 16000, &h), DONE);
    ck_assert_uint_eq(h.count, 0);
    history_drop(&h);
}
END_TEST

START_TEST(empty_answers_are_left_out)
{
    struct history h;
    int64_t conversation = talk(ALICE, 0, "one", ""), leaf;

    leaf = number("SELECT active_leaf FROM conversation WHERE id = $1", conversation);
    ck_assert_int_eq(history_read(c, ALICE, leaf, 16000, &h), DONE);
    ck_assert_uint_eq(h.count, 1);
    ck_assert_str_eq(h.messages[0].text, "one");
    history_drop(&h);
}
END_TEST

START_TEST(claims_are_fair)
{
    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "a1"), DONE);
    ck_assert_int_eq(say(ALICE, 0, 0, "a2"), DONE);
    ck_assert_int_eq(say(BOB, 0, 0, "b1"), DONE);
    ck_assert_int_eq(claim("p1"), ALICE); /* the oldest: nobody runs anything */
    ck_assert_int_eq(claim("p1"), BOB);   /* who runs fewer */
    ck_assert_int_eq(claim("p1"), ALICE);
    ck_assert_int_eq(claim("p1"), 0);
    ck_assert_int_eq(say(ALICE, 0, 0, "a3"), DONE);
    ck_assert_int_eq(claim("p1"), 0); /* two of hers run */
}
END_TEST

START_TEST(a_branch_runs_one_turn)
{
    int64_t conversation;

    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "first"), DONE);
    conversation = reply_i64(c, "conversation_id");
    ck_assert_int_eq(say(ALICE, conversation, 0, "second"), DONE);
    ck_assert_int_eq(claim("p1"), ALICE);
    ck_assert_int_eq(claim("p1"), 0);
    harness_sql(
        c,
        "UPDATE message SET status = 'failed' WHERE status = 'pending' AND depth = 1 RETURNING 1");
    ck_assert_int_eq(claim("p1"), ALICE);
}
END_TEST

START_TEST(only_the_owner_ends_a_turn_and_once)
{
    int64_t turn;

    state.slots = 0;
    turn = asked("p1");
    ck_assert_int_eq(finish(turn, 0, "p1"), 0);
    ck_assert_int_eq(finish(turn, 1, "p2"), 0);
    ck_assert_int_eq(finish(turn, 1, "p1"), 1);
    ck_assert_int_eq(finish(turn, 1, "p1"), 0);
    ck_assert_str_eq(
        harness_sql(c, "SELECT content || status FROM message ORDER BY id DESC LIMIT 1"),
        "donecomplete");
    ck_assert_int_eq(number("SELECT output_tokens FROM usage_day WHERE owner_id = $1", ALICE), 4);
}
END_TEST

START_TEST(a_dead_owner_loses_its_turns)
{
    cleanup(rows_drop) PGresult *rows = NULL;
    int64_t turn;

    state.slots = 0;
    turn = asked("p1");
    owner_add("p1");
    ck_assert_int_eq(db_rows(c, Q_owner_take, ARGS("p1", 0), &rows), DONE);
    ck_assert_int_eq(rows_count(rows), 1);
    ck_assert_int_eq(finish(turn, 1, "p1"), 0); /* the zombie */
    ck_assert_int_eq(claim("p2"), ALICE);
    ck_assert_str_eq(harness_sql(c, "SELECT attempt || '/' || takeovers || '/' || fence FROM turn "
                                    "ORDER BY id DESC LIMIT 1"),
                     "2/1/3");
    ck_assert_int_eq(finish(turn, 3, "p2"), 1);
}
END_TEST

/* Pieces of text know their places: a repeat adds nothing, and behind a lost one there is no gap.
 */
START_TEST(pieces_of_text_are_added_once_and_in_order)
{
    int64_t turn;

    state.slots = 0;
    turn = asked("p1");
    ck_assert_int_eq(appended(turn, 1, "p1", 0, "\xc3\xa4x"), 1);
    ck_assert_int_eq(appended(turn, 1, "p1", 0, "\xc3\xa4x"), 0);
    ck_assert_int_eq(appended(turn, 1, "p1", 9, "late"), 0);
    ck_assert_int_eq(appended(turn, 1, "p1", 3, "yz"), 1);
    ck_assert_int_eq(appended(turn, 0, "p1", 5, "no"), 0);
    ck_assert_int_eq(appended(turn, 1, "p2", 5, "no"), 0);
    ck_assert_str_eq(harness_sql(c, "SELECT content FROM message ORDER BY id DESC LIMIT 1"),
                     "\xc3\xa4xyz");
}
END_TEST

/* As when projectd does not answer: no attempt is counted, and nobody's death. */
START_TEST(a_turn_that_could_not_begin_goes_back)
{
    int64_t turn;

    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    turn = c->turn_id;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(claim("p1"), ALICE);
        ck_assert_int_eq(changed(Q_turn_unclaim, ARGS(turn, 2 * i, "p1")), 0);
        ck_assert_int_eq(changed(Q_turn_unclaim, ARGS(turn, 2 * i + 1, "p2")), 0);
        ck_assert_int_eq(changed(Q_turn_unclaim, ARGS(turn, 2 * i + 1, "p1")), 1);
        ck_assert_int_eq(claim("p1"), 0); /* others come first */
        number("UPDATE turn SET not_before = now() WHERE id = $1 RETURNING 1", turn);
    }
    ck_assert_int_eq(finish(turn, 5, "p1"), 0);
    ck_assert_int_eq(claim("p2"), ALICE);
    ck_assert_str_eq(harness_sql(c, "SELECT attempt || '/' || takeovers || '/' || fence FROM turn "
                                    "ORDER BY id DESC LIMIT 1"),
                     "1/0/7");
    ck_assert_int_eq(finish(turn, 7, "p2"), 1);
}
END_TEST

START_TEST(the_daily_limit_is_held_and_given_back)
{
    context.max_output_tokens = 7000;
    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), TOKENS_SPENT);
    ck_assert_uint_gt(c->retry_after, 0);
    ck_assert_uint_le(c->retry_after, 86400);
    ck_assert_int_eq(say(BOB, 0, 0, "Hello"), DONE);
    ck_assert_int_eq(claim("p1"), ALICE);
    ck_assert_int_eq(
        finish(number("SELECT id FROM turn WHERE owner_id = $1 ORDER BY id DESC LIMIT 1", ALICE), 1,
               "p1"),
        1);
    ck_assert_int_eq(
        number("SELECT spent * 1000 + reserved FROM budget_day WHERE account_id = $1", ALICE),
        7000);
    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
}
END_TEST

static bool erase(int64_t project)
{
    struct chat_project_erase_in in = {.event_id = 1, .project_id = project};
    bool more;

    c = harness_call(OP_chat_project_erase, ALICE);
    ck_assert_int_eq(chat_project_erase(c, &in), DONE);
    more = strcmp(c->out.data, "{\"more\":true,\"wait\":0}") == 0;
    return more;
}

START_TEST(an_erased_project_is_empty_and_stays_so)
{
    int64_t conversation = talk(ALICE, 0, "one", "two");

    talk(ALICE, conversation, "three", "four");
    talk(ALICE, 0, "five", "six");
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE project_id = $1", PROJECT), 2);
    ck_assert(erase(PROJECT));
    ck_assert(!erase(PROJECT)); /* again and again, as the outbox may */
    ck_assert(!erase(PROJECT));
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE project_id = $1", PROJECT), 0);
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE owner_id = $1", ALICE), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM turn WHERE owner_id = $1", ALICE), 0);
    /* a message that was on its way when the project went */
    ck_assert_int_eq(say(BOB, 0, 0, "late"), NOT_FOUND);
    ck_assert_str_eq(c->field, "project_id");
}
END_TEST

START_TEST(a_project_may_be_erased_before_it_was_known)
{
    ck_assert(!erase(PROJECT + 1));
    ck_assert_int_eq(number("SELECT gone::int FROM project_ref WHERE project_id = $1", PROJECT + 1),
                     1);
}
END_TEST

/* How PostgreSQL runs a statement, whatever its arguments are, as JSON. */
static const char *plan_of(int query)
{
    const char *sql = queries[query].sql;
    char number[8];
    int count = 0;
    cleanup(text_drop) struct text run = {0};

    while (snprintf(number, sizeof number, "$%d", count + 1) && strstr(sql, number))
        count++;
    text_printf(&run, "PREPARE looked_at AS %s", sql);
    harness_sql(c, run.data);
    text_clear(&run);
    text_puts(&run, "EXPLAIN (FORMAT JSON) EXECUTE looked_at (NULL");
    for (int i = 1; i < count; i++)
        text_puts(&run, ", NULL");
    text_putc(&run, ')');
    sql = harness_sql(c, run.data);
    harness_sql(c, "DEALLOCATE looked_at");
    return sql;
}

/* The index of those that run is always small and often empty when statistics are taken: a planner
 * that may use it does, and then reads all that run for each of them. */
START_TEST(a_turn_is_found_by_its_id_among_all_that_run)
{
    static const int by_id[] = {Q_turn_files,   Q_turn_place,     Q_turn_append,
                                Q_turn_finish,  Q_turn_hand_over, Q_turn_ask_cancel,
                                Q_turn_release, Q_turn_unclaim};

    for (size_t i = 0; i < sizeof by_id / sizeof *by_id; i++) {
        const char *plan = plan_of(by_id[i]), *name = queries[by_id[i]].name;
        ck_assert_msg(strstr(plan, "\"turn_pkey\""), "%s: %s", name, plan);
        ck_assert_msg(!strstr(plan, "\"turn_running"), "%s: %s", name, plan);
    }
    ck_assert_ptr_nonnull(strstr(plan_of(Q_owner_turns), "\"turn_running_by_owner\""));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("chatd");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_message_makes_a_conversation);
    tcase_add_test(t, without_a_slot_it_waits);
    tcase_add_test(t, a_user_at_the_limit_fills_the_queue_as_well);
    tcase_add_test(t, a_message_behind_an_open_answer_waits);
    tcase_add_test(t, foreign_and_wrong_places_are_refused);
    tcase_add_test(t, history_is_the_branch_within_the_budget);
    tcase_add_test(t, empty_answers_are_left_out);
    tcase_add_test(t, claims_are_fair);
    tcase_add_test(t, a_branch_runs_one_turn);
    tcase_add_test(t, only_the_owner_ends_a_turn_and_once);
    tcase_add_test(t, a_dead_owner_loses_its_turns);
    tcase_add_test(t, pieces_of_text_are_added_once_and_in_order);
    tcase_add_test(t, a_turn_that_could_not_begin_goes_back);
    tcase_add_test(t, the_daily_limit_is_held_and_given_back);
    tcase_add_test(t, an_erased_project_is_empty_and_stays_so);
    tcase_add_test(t, a_project_may_be_erased_before_it_was_known);
    tcase_add_test(t, a_turn_is_found_by_its_id_among_all_that_run);
    return check_run("chatd", t);
}
