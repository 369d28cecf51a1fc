/* Text of many running turns on its way into their rows. */
#define ALICE   INT64_C(7500001)
#define BOB     INT64_C(7500002)
#define PROJECT INT64_C(5500001)
#include "chatd/checkpoints.h"
#include "tests/handlers/chatd_rig.h"

#define FIRST  INT64_C(750000000000) /* behind all that the identity columns make */
#define TURNS  300                   /* more than one statement takes */
#define FENCE  2
#define SQL(s) ck_assert_ptr_nonnull(harness_sql(c, s))

static struct checkpoints all;
static struct turn turn;

/* Writing commits: what is made here is removed again. */
static void clean(void)
{
    harness_sql(c, "DELETE FROM turn WHERE owner_id = 7500001");
    harness_sql(c, "DELETE FROM message WHERE owner_id = 7500001");
    harness_sql(c, "DELETE FROM search_todo WHERE message_id >= 750000000000");
    harness_sql(c, "COMMIT");
}

static void open_rows(void)
{
    begin();
    clean();
    checkpoints_init(&all);
    SQL("WITH n AS (SELECT 750000000000 + generate_series(0, 299) AS id), "
        "m AS (INSERT INTO message (id, conversation_id, owner_id, depth, role, status, content) "
        "OVERRIDING SYSTEM VALUE SELECT id, 7500001, 7500001, 1, 'assistant', 'pending', '' FROM "
        "n) "
        "INSERT INTO turn (id, owner_id, project_id, conversation_id, user_message_id, message_id, "
        "state, "
        "process, fence, model) OVERRIDING SYSTEM VALUE SELECT id, 7500001, 1, 7500001, 1, id, "
        "'running', "
        "'p1', 2, 'm' FROM n RETURNING 1");
}

static void close_rows(void)
{
    checkpoints_drop(&all, &state, false);
    clean();
    end();
}

static void add(int number, int64_t fence, size_t at, const char *text)
{
    turn.id = FIRST + number;
    turn.fence = fence;
    turn.stored = at;
    checkpoints_add(&all, &turn, text, strlen(text));
}

static const char *said(int number)
{
    char sql[100];

    snprintf(sql, sizeof sql, "SELECT content FROM message WHERE id = %" PRId64, FIRST + number);
    return harness_sql(c, sql);
}

START_TEST(all_turns_get_their_text)
{
    for (int i = 0; i < TURNS; i++)
        add(i, FENCE, 0, "a\"\\\n\xc3\xa4");
    for (int i = 0; i < TURNS; i += 2)
        add(i, FENCE, 6, " more");
    ck_assert_int_eq(checkpoints_write(&all, c->db, "p1"), DONE);
    for (int i = 0; i < TURNS; i++)
        ck_assert_str_eq(said(i), i % 2 ? "a\"\\\n\xc3\xa4" : "a\"\\\n\xc3\xa4 more");
    ck_assert_int_eq(checkpoints_write(&all, c->db, "p1"), DONE); /* as after a lost COMMIT */
    ck_assert_str_eq(said(0), "a\"\\\n\xc3\xa4 more");
}
END_TEST

START_TEST(what_is_not_ours_or_does_not_follow_is_refused)
{
    add(0, FENCE, 0, "one");
    add(0, FENCE, 9, "late");
    add(1, FENCE - 1, 0, "zombie");
    add(1, FENCE, 0, "mine");
    add(2, FENCE, 3, "gap");
    ck_assert_int_eq(checkpoints_write(&all, c->db, "p2"), DONE);
    ck_assert_str_eq(said(0), "");
    ck_assert_int_eq(checkpoints_write(&all, c->db, "p1"), DONE);
    ck_assert_str_eq(said(0), "one");
    ck_assert_str_eq(said(1), "mine");
    ck_assert_str_eq(said(2), "");
}
END_TEST

START_TEST(a_turn_that_ended_gets_no_more)
{
    SQL("UPDATE turn SET state = 'completed' WHERE id = 750000000000 RETURNING 1");
    add(0, FENCE, 0, "late");
    ck_assert_int_eq(checkpoints_write(&all, c->db, "p1"), DONE);
    ck_assert_str_eq(said(0), "");
}
END_TEST

/* An answer in the background: first which one it is, then text and where that ends. */
START_TEST(places_go_with_the_text)
{
    snprintf(turn.response_id, sizeof turn.response_id, "resp_1");
    add(0, FENCE, 0, "");
    turn.response_seq = 4;
    add(0, FENCE, 0, "one");
    turn.response_seq = 7;
    add(0, FENCE, 3, "two");
    turn.response_seq = 9;
    add(0, FENCE, 8, "gap");
    ck_assert_int_eq(checkpoints_write(&all, c->db, "p1"), DONE);
    ck_assert_str_eq(said(0), "onetwo");
    ck_assert_str_eq(harness_sql(c,
                                 "SELECT response_id || ' ' || response_seq FROM turn WHERE id = "
                                 "750000000000"),
                     "resp_1 7");
    turn.response_id[0] = '\0';
}
END_TEST

START_TEST(checkpoints_are_moved_whole)
{
    struct checkpoints more;

    checkpoints_init(&more);
    checkpoints_move(&all, &more);
    ck_assert_ptr_null(all.first);
    add(0, FENCE, 0, "one");
    checkpoints_move(&more, &all);
    ck_assert_ptr_null(all.first);
    add(0, FENCE, 3, "two");
    checkpoints_move(&more, &all);
    ck_assert_int_eq(checkpoints_write(&more, c->db, "p1"), DONE);
    ck_assert_str_eq(said(0), "onetwo");
    checkpoints_drop(&more, &state, false);
}
END_TEST

static int due_count(int64_t id, int ticks, int running)
{
    int n = 0;

    for (int tick = 1; tick <= ticks; tick++)
        n += checkpoint_is_due(id, tick, running);
    return n;
}

START_TEST(many_turns_are_stored_in_rounds)
{
    int first = 0;

    for (int64_t id = FIRST; id < FIRST + 512; id++) {
        ck_assert_int_eq(due_count(id, 4, 0), 4);
        ck_assert_int_eq(due_count(id, 4, 127), 4);
        ck_assert_int_eq(due_count(id, 2, 128), 1);
        ck_assert_int_eq(due_count(id, 10, 512), 2);
        ck_assert_int_eq(due_count(id, 8, 1000), 1);
        first += checkpoint_is_due(id, 1, 512);
    }
    ck_assert_int_ge(first, 102);
    ck_assert_int_le(first, 103);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("checkpoints");

    tcase_add_checked_fixture(t, open_rows, close_rows);
    tcase_add_test(t, all_turns_get_their_text);
    tcase_add_test(t, what_is_not_ours_or_does_not_follow_is_refused);
    tcase_add_test(t, a_turn_that_ended_gets_no_more);
    tcase_add_test(t, places_go_with_the_text);
    tcase_add_test(t, checkpoints_are_moved_whole);
    tcase_add_test(t, many_turns_are_stored_in_rounds);
    return check_run("checkpoints", t);
}
