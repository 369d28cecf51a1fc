/* chatd's conversations: lists, changes, branches, deleting; on a real database. */
#include <inttypes.h>
#include <json-c/json.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/erase.h"
#include "chatd/history.h"
#include "chatd/queries.h"
#include "chatd/titles.h"
#include "chatd/turn.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE   7100001
#define BOB     7100002
#define PROJECT 5100001

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static struct chatd state;
static struct call *c;

static void begin(void)
{
    char *argv[] = {"chatd", "--set", "RETENTION_DAYS=30", NULL};

    ck_assert_int_eq(conf_load(SVC_CHAT, "chatd", 3, argv, (struct conf **)&state.conf), 0);
    harness_open("chatd", "chat", queries, &state);
    c = harness_call(OP_conversation_get, ALICE);
}

static void end(void)
{
    harness_close();
    conf_drop((struct conf **)&state.conf);
}

static int64_t number(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int64_t number(const char *fmt, ...)
{
    char sql[1000];
    const char *value;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    value = harness_sql(c, sql);
    return value ? strtoll(value, NULL, 10) : -1;
}

/* A conversation of ALICE that was last written to `age` seconds ago. */
static int64_t conversation(int age)
{
    return number("INSERT INTO conversation (owner_id, project_id, updated_at) VALUES (%d, %d, "
                  "now() - make_interval(secs => %d)) RETURNING id",
                  ALICE, PROJECT, age);
}

static int64_t message(int64_t of, int64_t parent, const char *role)
{
    return number("INSERT INTO message (conversation_id, owner_id, parent_id, depth, role, status, "
                  "content) VALUES (%" PRId64 ", %d, nullif(%" PRId64
                  ", 0), 0, '%s', 'complete', 'x') RETURNING id",
                  of, ALICE, parent, role);
}

static int64_t turn(int64_t of, const char *turn_state)
{
    return number(
        "INSERT INTO turn (owner_id, project_id, conversation_id, user_message_id, message_id, "
        "state, process, model) VALUES (%d, %d, %" PRId64 ", 0, 0, '%s', 'p', 'm') RETURNING id",
        ALICE, PROJECT, of, turn_state);
}

static int64_t page(bool archived, int64_t time_us, int64_t id, int64_t limit, PGresult **ret)
{
    c = harness_call(OP_conversation_list, ALICE);
    ck_assert_int_eq(
        db_rows(c, Q_conversation_page, ARGS(ALICE, PROJECT, archived, time_us, id, limit), ret),
        DONE);
    return rows_count(*ret);
}

START_TEST(pages_go_by_activity_and_leave_nothing_out)
{
    int64_t newest = conversation(1), same1 = conversation(60), same2 = conversation(60),
            oldest = conversation(100), time_us = INT64_C(1) << 57, id = INT64_MAX;
    const int64_t expected[] = {newest, same2, same1, oldest};

    for (int i = 0; i < 4; i++) {
        cleanup(rows_drop) PGresult *rows = NULL;
        ck_assert_int_eq(page(false, time_us, id, 1, &rows), 1);
        ck_assert_int_eq(rows_i64(rows, 0, 0), expected[i]);
        id = rows_i64(rows, 0, 0);
        time_us = rows_i64(rows, 0, 9);
    }
    cleanup(rows_drop) PGresult *rows = NULL;
    ck_assert_int_eq(page(false, time_us, id, 1, &rows), 0);
}
END_TEST

START_TEST(archived_ones_are_apart)
{
    cleanup(rows_drop) PGresult *shown = NULL;
    cleanup(rows_drop) PGresult *away = NULL;
    int64_t one = conversation(1), two = conversation(2);
    struct conversation_update_in in = {
        .conversation_id = one, .has_archived = true, .archived = true};

    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &in), DONE);
    ck_assert_int_eq(page(false, INT64_C(1) << 57, INT64_MAX, 10, &shown), 1);
    ck_assert_int_eq(rows_i64(shown, 0, 0), two);
    ck_assert_int_eq(page(true, INT64_C(1) << 57, INT64_MAX, 10, &away), 1);
    ck_assert_int_eq(rows_i64(away, 0, 0), one);
}
END_TEST

START_TEST(what_is_left_out_stays)
{
    int64_t id = conversation(500);
    struct conversation_update_in in = {.conversation_id = id,
                                        .has_title = true,
                                        .title = "Ships",
                                        .has_pinned = true,
                                        .pinned = true};
    struct conversation_update_in none = {.conversation_id = id};
    struct conversation_update_in null = {
        .conversation_id = id, .has_title = true, .null_title = true};
    char before[64];

    snprintf(before, sizeof before, "%s",
             harness_sql(c, "SELECT updated_at::text FROM conversation ORDER BY id DESC LIMIT 1"));
    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &in), DONE);
    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &none), DONE);
    ck_assert_str_eq(reply_str(c, "title"), "Ships");
    ck_assert(json_object_get_boolean(json_object_object_get(harness_reply(c), "pinned")));
    /* it is no activity */
    ck_assert_str_eq(
        before,
        harness_sql(c, "SELECT updated_at::text FROM conversation ORDER BY id DESC LIMIT 1"));
    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &null), DONE);
    ck_assert(reply_is_null(c, "title"));
    c = harness_call(OP_conversation_update, BOB);
    ck_assert_int_eq(conversation_update(c, &in), NOT_FOUND);
}
END_TEST

START_TEST(a_branch_is_shown_down_to_its_newest_message)
{
    int64_t id = conversation(1), elsewhere = conversation(1);
    int64_t q = message(id, 0, "user"), a1 = message(id, q, "assistant"), q2, a2, a3, foreign;
    struct conversation_update_in in = {.conversation_id = id, .has_active_leaf = true};

    q2 = message(id, a1, "user");
    a2 = message(id, q2, "assistant");
    a3 = message(id, q2, "assistant");
    foreign = message(elsewhere, 0, "user");
    in.active_leaf = q;
    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &in), DONE);
    ck_assert_int_eq(reply_i64(c, "active_leaf"), a3);
    in.active_leaf = a2;
    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &in), DONE);
    ck_assert_int_eq(reply_i64(c, "active_leaf"), a2);
    in.active_leaf = foreign;
    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &in), NOT_FOUND);
    ck_assert_str_eq(c->field, "active_leaf");
}
END_TEST

static int remove_one(int64_t caller, int64_t id)
{
    struct conversation_delete_in in = {.conversation_id = id};
    int r;

    c = harness_call(OP_conversation_delete, caller);
    r = conversation_delete(c, &in);
    return r;
}

START_TEST(a_deleted_conversation_is_gone_at_once_and_its_rows_later)
{
    int64_t id = conversation(1), ran = turn(id, "completed"), runs = turn(id, "running");

    message(id, message(id, 0, "user"), "assistant");
    ck_assert_int_eq(remove_one(BOB, id), NOT_FOUND);
    ck_assert_int_eq(remove_one(ALICE, id), DONE);
    ck_assert_int_eq(remove_one(ALICE, id), NOT_FOUND);
    c = harness_call(OP_conversation_get, ALICE);
    ck_assert_int_eq(harness_fast(c, Q_conversation_get, 1, 1, (struct arg[]){arg_i64(id)}),
                     NOT_FOUND);
    c = harness_call(OP_turn_get, ALICE);
    ck_assert_int_eq(harness_fast(c, Q_turn_get, 1, 1, (struct arg[]){arg_i64(ran)}), NOT_FOUND);
    /* the turn that runs is asked to stop, and its rows wait for its end */
    ck_assert_str_eq(harness_sql(c,
                                 "SELECT string_agg(id::text || cancel_requested, ',') FROM turn "
                                 "WHERE state = 'running' AND process = 'p'"),
                     arena_printf(&c->arena, "%" PRId64 "true", runs));
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE conversation_id = %" PRId64, id),
                     2);
    number("UPDATE turn SET state = 'cancelled' WHERE id = %" PRId64 " RETURNING 1", runs);
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE conversation_id = %" PRId64, id),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM turn WHERE conversation_id = %" PRId64, id), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM erasure WHERE conversation_id = %" PRId64, id),
                     0);
}
END_TEST

START_TEST(a_long_one_goes_in_batches)
{
    int64_t id = conversation(1);

    number("INSERT INTO message (conversation_id, owner_id, depth, role, status, content) "
           "SELECT %" PRId64
           ", %d, n, 'user', 'complete', 'x' FROM generate_series(1, 5500) n RETURNING 1",
           id, ALICE);
    ck_assert_int_eq(remove_one(ALICE, id), DONE);
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE conversation_id = %" PRId64, id),
                     500);
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE conversation_id = %" PRId64, id),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM erasure WHERE conversation_id = %" PRId64, id),
                     0);
}
END_TEST

START_TEST(a_project_takes_its_conversations_along)
{
    struct chat_project_erase_in in = {.event_id = 1, .project_id = PROJECT};
    int64_t id = conversation(1);

    turn(id, "completed");
    c = harness_call(OP_chat_project_erase, ALICE);
    ck_assert_int_eq(chat_project_erase(c, &in), DONE);
    ck_assert_str_eq((const char *)c->out.data, "{\"more\":true,\"wait\":0}");
    c = harness_call(OP_chat_project_erase, ALICE);
    ck_assert_int_eq(chat_project_erase(c, &in), DONE);
    ck_assert_str_eq((const char *)c->out.data, "{\"more\":false,\"wait\":0}");
    ck_assert_int_eq(number("SELECT count(*) FROM erasure WHERE conversation_id = %" PRId64, id),
                     1);
}
END_TEST

START_TEST(what_is_too_old_goes_but_not_what_runs)
{
    const int days = 24 * 3600;
    int64_t old = conversation(31 * days), runs = conversation(31 * days),
            young = conversation(29 * days);

    number("UPDATE conversation SET active_turn = 1 WHERE id = %" PRId64 " RETURNING 1", runs);
    ck_assert_int_eq(conversations_expire(c), DONE);
    ck_assert_str_eq(harness_sql(c,
                                 "SELECT string_agg(id::text, ',' ORDER BY id) FROM conversation "
                                 "WHERE owner_id = 7100001"),
                     arena_printf(&c->arena, "%" PRId64 ",%" PRId64, runs, young));
    ck_assert_int_eq(number("SELECT count(*) FROM erasure WHERE conversation_id = %" PRId64, old),
                     1);
}
END_TEST

START_TEST(usage_has_each_day)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    number(
        "INSERT INTO usage_day VALUES (%d, %d, (now() AT TIME ZONE 'UTC')::date - 1, 3, 20, 10), "
        "(%d, %d, (now() AT TIME ZONE 'UTC')::date - 2, 9, 9, 9), "
        "(%d, %d, (now() AT TIME ZONE 'UTC')::date, 9, 9, 9) RETURNING 1",
        ALICE, PROJECT, ALICE, PROJECT, BOB, PROJECT);
    ck_assert_int_eq(db_rows(c, Q_usage_days, ARGS(ALICE, PROJECT, 2), &rows), DONE);
    ck_assert_int_eq(rows_count(rows), 2);
    ck_assert_str_eq(rows_str(rows, 0, 4), "30");
    ck_assert_str_eq(rows_str(rows, 0, 1), "3");
    ck_assert_str_eq(rows_str(rows, 1, 1), "0");
}
END_TEST

/* ---- titles ---- */

static int64_t titles_take(int64_t mine, PGresult **ret)
{
    ck_assert_int_eq(db_rows(c, Q_titles_take, ARGS(100, TITLE_LEASE_S, TITLE_TRIES, mine, 0), ret),
                     DONE);
    return rows_count(*ret);
}

static int64_t due(void)
{
    int64_t id = conversation(1);

    message(id, message(id, 0, "user"), "assistant");
    number("UPDATE conversation SET title_due = now() WHERE id = %" PRId64 " RETURNING 1", id);
    return id;
}

START_TEST(a_title_is_tried_three_times)
{
    int64_t id = due();

    for (int i = 1; i <= TITLE_TRIES + 1; i++) {
        cleanup(rows_drop) PGresult *rows = NULL;
        cleanup(rows_drop) PGresult *leased = NULL;
        ck_assert_int_eq(titles_take(0, &rows), 1);
        ck_assert_int_eq(rows_i64(rows, 0, 0), id);
        ck_assert_str_eq(rows_str(rows, 0, 4), "x");
        ck_assert(rows_bool(rows, 0, 3) == (i <= TITLE_TRIES));
        ck_assert_int_eq(titles_take(0, &leased), 0);
        number("UPDATE conversation SET title_due = now() WHERE title_due IS NOT NULL AND id = "
               "%" PRId64 " RETURNING 1",
               id);
    }
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE title_due IS NOT NULL"), 0);
}
END_TEST

START_TEST(no_title_is_made_when_the_day_is_spent)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    due();
    number(
        "INSERT INTO budget_day VALUES (%d, (now() AT TIME ZONE 'UTC')::date, 90, 10) RETURNING 1",
        ALICE);
    ck_assert_int_eq(titles_take(100, &rows), 1);
    ck_assert(!rows_bool(rows, 0, 3));
}
END_TEST

static void title_store(int64_t id, const char *title)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    ck_assert_int_eq(db_rows(c, Q_title_store, ARGS(ALICE, PROJECT, id, title, true, 40, 5), &rows),
                     DONE);
}

START_TEST(a_title_counts_and_the_users_own_wins)
{
    int64_t one = due(), two = due();
    struct conversation_update_in in = {.conversation_id = two, .has_title = true, .title = "Mine"};

    c = harness_call(OP_conversation_update, ALICE);
    ck_assert_int_eq(conversation_update(c, &in), DONE);
    title_store(one, "Ships");
    title_store(one, "Later");
    title_store(two, "Ships");
    ck_assert_str_eq(harness_sql(c, "SELECT string_agg(title, ',' ORDER BY id) FROM conversation "
                                    "WHERE owner_id = 7100001"),
                     "Ships,Mine");
    ck_assert_str_eq(harness_sql(c, "SELECT turns || '/' || input_tokens || '/' || output_tokens "
                                    "FROM usage_day WHERE owner_id = 7100001"),
                     "0/120/15");
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE title_due IS NOT NULL"), 0);
}
END_TEST

/* ---- answers once more ---- */

static int64_t said(int64_t of, int64_t parent, const char *role, const char *status,
                    const char *text)
{
    return number("INSERT INTO message (conversation_id, owner_id, parent_id, depth, role, status, "
                  "content) VALUES (%" PRId64 ", %d, nullif(%" PRId64
                  ", 0), 0, '%s', '%s', '%s') RETURNING id",
                  of, ALICE, parent, role, status, text);
}

/* A turn that waits, with its answer below `below`. */
static int64_t waiting(int64_t of, int64_t question, int64_t below)
{
    int64_t answer = said(of, below, "assistant", "pending", "");

    return number("INSERT INTO turn (owner_id, project_id, conversation_id, user_message_id, "
                  "message_id, state, model) VALUES (%d, %d, %" PRId64 ", %" PRId64 ", %" PRId64
                  ", 'queued', 'm') RETURNING id",
                  ALICE, PROJECT, of, question, answer);
}

START_TEST(a_claim_knows_what_goes_on)
{
    cleanup(rows_drop) PGresult *plain = NULL;
    cleanup(rows_drop) PGresult *more = NULL;
    int64_t id = conversation(1), q1 = said(id, 0, "user", "complete", "one");
    int64_t a1 = said(id, q1, "assistant", "complete", "first");
    int64_t q2 = said(id, a1, "user", "complete", "two");
    int64_t a2 = said(id, q2, "assistant", "incomplete", "sec");

    waiting(id, q2, q2);
    ck_assert_int_eq(db_rows(c, Q_turn_claim, ARGS("p", 9), &plain), DONE);
    ck_assert_str_eq(rows_str(plain, 0, 11), "two");
    ck_assert_int_eq(rows_i64(plain, 0, 12), a1);
    waiting(id, q2, a2);
    ck_assert_int_eq(db_rows(c, Q_turn_claim, ARGS("p", 9), &more), DONE);
    ck_assert(rows_null(more, 0, 11));
    ck_assert_int_eq(rows_i64(more, 0, 12), a2);
    ck_assert_int_eq(rows_i64(more, 0, 4), q2);
}
END_TEST

/* However small the budget is, what goes on is there, in one piece. */
START_TEST(a_cut_off_answer_always_stays)
{
    struct history h;
    int64_t id = conversation(1), q1 = said(id, 0, "user", "complete", "one");
    int64_t a1 = said(id, q1, "assistant", "complete", "first");
    int64_t q2 = said(id, a1, "user", "complete", "two"), budget = 0;
    int64_t a2 = said(id, q2, "assistant", "incomplete", "a rather long beg");
    int64_t a3 = said(id, a2, "assistant", "cancelled", "inning of an answer");

    ck_assert_int_eq(history_budget(c, ALICE, a3, &budget), DONE);
    ck_assert_int_eq(history_read(c, ALICE, a3, budget, &h), DONE);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_str_eq(h.messages[0].text, "two");
    ck_assert_str_eq(h.messages[1].text, "a rather long beginning of an answer");
    ck_assert_uint_eq(h.messages[1].size, strlen(h.messages[1].text));
    history_drop(&h);
    ck_assert_int_eq(history_read(c, ALICE, a3, 0, &h), DONE);
    ck_assert_uint_eq(h.count, 0);
    history_drop(&h);
}
END_TEST

static int feedback(int64_t caller, int64_t id, int64_t rating, const char *note)
{
    struct message_feedback_in in = {
        .message_id = id, .rating = rating, .has_note = note != NULL, .note = note};

    c = harness_call(OP_message_feedback, caller);
    return message_feedback(c, &in);
}

START_TEST(feedback_is_the_owners_and_of_answers)
{
    int64_t id = conversation(1), q = said(id, 0, "user", "complete", "one");
    int64_t a = said(id, q, "assistant", "complete", "first");

    ck_assert_int_eq(feedback(BOB, a, 1, NULL), NOT_FOUND);
    ck_assert_int_eq(feedback(ALICE, q, 1, NULL), NOT_FOUND);
    ck_assert_int_eq(feedback(ALICE, a, -1, "no"), DONE);
    ck_assert_int_eq(feedback(ALICE, a, 0, NULL), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE id = %" PRId64
                            " AND rating IS NULL AND note IS NULL",
                            a),
                     1);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("conversations");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, pages_go_by_activity_and_leave_nothing_out);
    tcase_add_test(t, archived_ones_are_apart);
    tcase_add_test(t, what_is_left_out_stays);
    tcase_add_test(t, a_branch_is_shown_down_to_its_newest_message);
    tcase_add_test(t, a_deleted_conversation_is_gone_at_once_and_its_rows_later);
    tcase_add_test(t, a_long_one_goes_in_batches);
    tcase_add_test(t, a_project_takes_its_conversations_along);
    tcase_add_test(t, what_is_too_old_goes_but_not_what_runs);
    tcase_add_test(t, usage_has_each_day);
    tcase_add_test(t, a_title_is_tried_three_times);
    tcase_add_test(t, no_title_is_made_when_the_day_is_spent);
    tcase_add_test(t, a_title_counts_and_the_users_own_wins);
    tcase_add_test(t, a_claim_knows_what_goes_on);
    tcase_add_test(t, a_cut_off_answer_always_stays);
    tcase_add_test(t, feedback_is_the_owners_and_of_answers);
    return check_run("conversations", t);
}
