/* Looking at a turn: from the memory of the process that runs it, and from the database. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE 7100001
#define BOB   7100002
#define TURN  INT64_C(910000000000) /* behind all that the identity columns make */

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static struct chatd state;
static struct turn turn;
static struct call *c;

static void begin(void)
{
    state = (struct chatd){.beat_us = clock_boot_us()};
    pthread_mutex_init(&state.lock, NULL);
    harness_open("chatd", "chat", queries, &state);
    turn = (struct turn){.chatd = &state,
                         .id = TURN,
                         .account = ALICE,
                         .attempt = 2,
                         .conversation = 5,
                         .user_message = 6,
                         .message = 7,
                         .model = "m",
                         .created = "2026-11-23 02:43:50.5+00"};
    state.turns = &turn;
}

static void end(void)
{
    text_drop(&turn.answer);
    text_drop(&turn.sent_with);
    harness_close();
}

static int look(int64_t caller, int64_t attempt, int64_t after, int64_t most)
{
    const struct turn_look_in in = {
        .turn_id = TURN, .attempt = attempt, .after = after, .most = most};

    c = harness_call(OP_turn_look, caller);
    return turn_look_prepare(c, &in);
}

static bool is_told(void)
{
    return c->out.size > 0;
}

/* A question about attempt 2 with the text "abäz" (5 bytes), and its answer. */
static const struct {
    int64_t attempt, after, most, from;
    const char *text;
} cases[] = {
    {0, 0, 9, 0, "ab\xc3\xa4z"}, {2, 0, 9, 0, "ab\xc3\xa4z"},
    {2, 2, 9, 2, "\xc3\xa4z"},   {2, 5, 9, 5, ""},
    {2, 3, 9, 0, "ab\xc3\xa4z"}, {2, 6, 9, 0, "ab\xc3\xa4z"},
    {1, 2, 9, 0, "ab\xc3\xa4z"}, {2, UINT32_MAX, 9, 0, "ab\xc3\xa4z"},
    {2, 0, 4, 0, "ab\xc3\xa4"},  {2, 0, 3, 0, "ab"},
    {2, 1, 1, 1, "b"},           {2, 4, UINT32_MAX, 4, "z"},
};
#define CASES (int)(sizeof cases / sizeof *cases)

START_TEST(memory_tells_what_lies_behind)
{
    text_puts(&turn.answer, "ab\xc3\xa4z");
    ck_assert_int_eq(look(ALICE, cases[_i].attempt, cases[_i].after, cases[_i].most), DONE);
    ck_assert_int_eq(reply_i64(c, "from"), cases[_i].from);
    ck_assert_str_eq(reply_str(c, "text"), cases[_i].text);
    ck_assert_int_eq(reply_i64(c, "size"), 5);
    ck_assert_str_eq(reply_str(c, "state"), "running");
    ck_assert_int_eq(reply_i64(c, "attempt"), 2);
    ck_assert_int_eq(reply_i64(c, "message_id"), 7);
}
END_TEST

START_TEST(memory_keeps_silent)
{
    ck_assert_int_eq(look(BOB, 0, 0, 9), DONE); /* a stranger's */
    ck_assert(!is_told());
    atomic_store(&state.beat_us, clock_boot_us() - 3000001); /* this process was stopped */
    ck_assert_int_eq(look(ALICE, 0, 0, 9), DONE);
    ck_assert(!is_told());
    atomic_store(&state.beat_us, clock_boot_us());
    atomic_store(&turn.lost, true); /* others have its turns */
    ck_assert_int_eq(look(ALICE, 0, 0, 9), DONE);
    ck_assert(!is_told());
    atomic_store(&turn.lost, false);
    ck_assert_int_eq(look(ALICE, 0, 0, 9), DONE);
    ck_assert(is_told());
    atomic_store(&turn.settled, true); /* its end is written, and maybe told */
    ck_assert_int_eq(look(ALICE, 0, 0, 9), DONE);
    ck_assert(!is_told());
}
END_TEST

START_TEST(turn_get_is_the_same_from_memory)
{
    const struct turn_get_in in = {.turn_id = TURN};

    text_puts(&turn.answer, "so far");
    c = harness_call(OP_turn_get, ALICE);
    ck_assert_int_eq(turn_get_prepare(c, &in), DONE);
    ck_assert(!is_told()); /* what it was sent with is not known yet */
    text_puts(&turn.sent_with, "{\"prompts\":[],\"file_ids\":[]}");
    turn.state = "completed"; /* its end is not written yet */
    c = harness_call(OP_turn_get, ALICE);
    ck_assert_int_eq(turn_get_prepare(c, &in), DONE);
    ck_assert_str_eq(reply_str(c, "state"), "running");
    ck_assert_str_eq(reply_str(c, "text"), "so far");
    ck_assert_str_eq(reply_str(c, "created_at"), "2026-11-23T02:43:50.5Z");
}
END_TEST

/* A row of a turn with that state and text; attempt 2. */
static void row_make(int64_t id, int64_t owner, const char *turn_state, const char *text,
                     const char *finished)
{
    char sql[1200];

    snprintf(
        sql, sizeof sql,
        "WITH c AS (INSERT INTO conversation (id, owner_id, project_id) OVERRIDING SYSTEM VALUE "
        "VALUES (1, 1, 1) ON CONFLICT DO NOTHING), "
        "m AS (INSERT INTO message (id, conversation_id, owner_id, depth, role, status, "
        "content) OVERRIDING SYSTEM VALUE VALUES (%" PRId64 ", 1, %" PRId64
        ", 1, 'assistant', 'complete', '%s')) "
        "INSERT INTO turn (id, owner_id, project_id, conversation_id, user_message_id, "
        "message_id, state, process, attempt, model, finish_reason, finished_at) "
        "OVERRIDING SYSTEM VALUE VALUES (%" PRId64 ", %" PRId64 ", 1, 1, 1, %" PRId64
        ", '%s', 'elsewhere', 2, 'm', 'stop', %s) RETURNING 1",
        id, owner, text, id, owner, id, turn_state, finished);
    ck_assert_ptr_nonnull(harness_sql(c, sql));
}

static PGresult *row_look(int64_t caller, int64_t id, int64_t attempt, int64_t after, int64_t most)
{
    PGresult *row = NULL;

    ck_assert_int_eq(db_rows(c, Q_turn_look, ARGS(caller, id, attempt, after, most), &row), DONE);
    return row;
}

enum { POSITION = 7, FROM, TEXT, SIZE, EXPIRED = 15, PROCESS };

START_TEST(the_database_tells_what_lies_behind)
{
    cleanup(rows_drop) PGresult *row = NULL;

    c = harness_call(OP_turn_look, ALICE);
    row_make(TURN, ALICE, "running", "ab\xc3\xa4z", "NULL");
    row = row_look(ALICE, TURN, cases[_i].attempt, cases[_i].after, cases[_i].most);
    ck_assert_int_eq(rows_count(row), 1);
    ck_assert_int_eq(rows_i64(row, 0, FROM), cases[_i].from);
    ck_assert_str_eq(rows_str(row, 0, TEXT), cases[_i].text);
    ck_assert_int_eq(rows_i64(row, 0, SIZE), 5);
    ck_assert_str_eq(rows_str(row, 0, PROCESS), "elsewhere");
    ck_assert(rows_null(row, 0, POSITION));
}
END_TEST

START_TEST(the_database_tells_nothing_to_strangers)
{
    cleanup(rows_drop) PGresult *row = NULL;

    c = harness_call(OP_turn_look, ALICE);
    row_make(TURN, ALICE, "running", "mine", "NULL");
    row = row_look(BOB, TURN, 0, 0, 9);
    ck_assert_int_eq(rows_count(row), 0);
}
END_TEST

START_TEST(streams_end_a_day_after_their_turn)
{
    cleanup(rows_drop) PGresult *young = NULL, *old = NULL;

    c = harness_call(OP_turn_look, ALICE);
    row_make(TURN, ALICE, "completed", "x", "now() - interval '23 hours 59 minutes'");
    row_make(TURN + 1, ALICE, "completed", "x", "now() - interval '24 hours 1 minute'");
    young = row_look(ALICE, TURN, 0, 0, 9);
    old = row_look(ALICE, TURN + 1, 0, 0, 9);
    ck_assert(!rows_bool(young, 0, EXPIRED));
    ck_assert(rows_bool(old, 0, EXPIRED));
    ck_assert(rows_null(old, 0, PROCESS));
}
END_TEST

START_TEST(the_place_in_the_queue_is_that_of_the_claims)
{
    static const int64_t owners[] = {ALICE, ALICE, BOB};
    static const int64_t places[] = {2, 3, 1}; /* hers run one already */

    c = harness_call(OP_turn_look, ALICE);
    harness_sql(c, "UPDATE turn SET state = 'cancelled' WHERE state IN ('queued', 'running') "
                   "RETURNING 1");
    row_make(TURN, ALICE, "running", "", "NULL");
    for (int i = 0; i < 3; i++)
        row_make(TURN + 1 + i, owners[i], "queued", "", "NULL");
    for (int i = 0; i < 3; i++) {
        cleanup(rows_drop) PGresult *row = row_look(owners[i], TURN + 1 + i, 0, 0, 9);
        ck_assert_int_eq(rows_i64(row, 0, POSITION), places[i]);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("turn_look");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, memory_tells_what_lies_behind, 0, CASES);
    tcase_add_test(tests, memory_keeps_silent);
    tcase_add_test(tests, turn_get_is_the_same_from_memory);
    tcase_add_loop_test(tests, the_database_tells_what_lies_behind, 0, CASES);
    tcase_add_test(tests, the_database_tells_nothing_to_strangers);
    tcase_add_test(tests, streams_end_a_day_after_their_turn);
    tcase_add_test(tests, the_place_in_the_queue_is_that_of_the_claims);
    return check_run("turn_look", tests);
}
