/* Files of messages and lists of messages in chatd; on a real database, without filed. */
#include <inttypes.h>
#include <json-c/json.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chat.h"
#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/history.h"
#include "chatd/queries.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/json.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE   7000001
#define BOB     7000002
#define PROJECT 5000001

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static struct chatd state;
static struct context context = {.sent_with = "{}"};
static struct model_file files[3];
static struct chat_prepared prepared;
static struct call *c;

static void begin(void)
{
    char *argv[] = {"chatd", "--set", "MAX_TOKENS_PER_USER_DAY=20000", NULL};

    ck_assert_int_eq(conf_load(SVC_CHAT, "chatd", 3, argv, (struct conf **)&state.conf), 0);
    state.slots = 0; /* all turns are queued */
    harness_open("chatd", "chat", queries, &state);
    c = harness_call(OP_chat_create, ALICE);
    harness_sql(
        c, "UPDATE turn SET state = 'cancelled' WHERE state IN ('queued', 'running') RETURNING 1");
}

static void end(void)
{
    harness_close();
    conf_drop((struct conf **)&state.conf);
}

static int64_t number(const char *fmt, int64_t id)
{
    char sql[400];
    const char *value;

    snprintf(sql, sizeof sql, fmt, id);
    value = harness_sql(c, sql);
    return value ? strtoll(value, NULL, 10) : -1;
}

/* With n files of `tokens` each, as prepare would leave them. */
static int say(int64_t conversation, size_t n, int64_t tokens)
{
    struct chat_create_in in = {.project_id = PROJECT,
                                .message = "Read",
                                .conversation_id = conversation,
                                .file_ids = {.count = n, .list = {30, 10, 20}}};

    c = harness_call(OP_chat_create, ALICE);
    for (size_t i = 0; i < n; i++)
        files[i] =
            (struct model_file){.kind = MODEL_FILE_ID, .id = in.file_ids.list[i], .tokens = tokens};
    prepared = (struct chat_prepared){&context,
                                      {.text = "Read", .size = 4, .files = files, .file_count = n}};
    c->prepared = &prepared;
    return chat_create(c, &in);
}

static int64_t claim(struct ids *ret_files)
{
    cleanup(rows_drop) PGresult *row = NULL;

    ck_assert_int_eq(db_rows(c, Q_turn_claim, ARGS("p1", 4), &row), DONE);
    ck_assert_int_eq(rows_count(row), 1);
    rows_ids(row, 0, 14, ret_files);
    return rows_i64(row, 0, 0);
}

START_TEST(files_stay_with_message_and_turn)
{
    struct ids ids;

    ck_assert_int_eq(say(0, 3, 1), DONE);
    ck_assert_str_eq(harness_sql(c, "SELECT string_agg(role || file_ids::text, ' ' ORDER BY id) "
                                    "FROM (SELECT * FROM message ORDER BY id DESC LIMIT 2) m"),
                     "user{30,10,20} assistant{}");
    ck_assert_str_eq(harness_sql(c, "SELECT file_ids FROM turn ORDER BY id DESC LIMIT 1"),
                     "{30,10,20}");
    claim(&ids);
    ck_assert_uint_eq(ids.count, 3);
    ck_assert_int_eq(ids.list[0], 30);
    ck_assert_int_eq(ids.list[1], 10);
    ck_assert_int_eq(ids.list[2], 20);
    ck_assert_int_eq(say(0, 0, 0), DONE);
    claim(&ids);
    ck_assert_uint_eq(ids.count, 0);
}
END_TEST

START_TEST(files_count_against_the_daily_limit)
{
    ck_assert_int_eq(say(0, 3, 6000), TOKENS_SPENT); /* with the answer's 4,096 */
    ck_assert_int_eq(say(0, 3, 5000), DONE);
    ck_assert_int_eq(say(0, 0, 0), TOKENS_SPENT);
}
END_TEST

static int64_t changed(int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    ck_assert_int_eq(db_rows(c, query, n, args, &rows), DONE);
    return rows_affected(rows);
}

START_TEST(only_the_owner_records_what_the_model_was_given)
{
    struct ids ids;
    int64_t turn;

    ck_assert_int_eq(say(0, 1, 1), DONE);
    turn = claim(&ids);
    ck_assert_int_eq(changed(Q_turn_files, ARGS(turn, 0, "p1", "{10}", "{}")), 0);
    ck_assert_int_eq(changed(Q_turn_files, ARGS(turn, 1, "p2", "{10}", "{}")), 0);
    ck_assert_int_eq(changed(Q_turn_files, ARGS(turn, 1, "p1", "{10,40}", "{}")), 1);
    ck_assert_str_eq(harness_sql(c, "SELECT file_ids FROM turn ORDER BY id DESC LIMIT 1"),
                     "{10,40}");
    ck_assert_int_eq(changed(Q_turn_unclaim, ARGS(turn, 1, "p1")), 1);
    ck_assert_int_eq(changed(Q_turn_files, ARGS(turn, 1, "p1", "{}", "{}")), 0);
}
END_TEST

START_TEST(history_knows_the_files_of_its_messages)
{
    struct history h;
    int64_t leaf;

    ck_assert_int_eq(say(0, 3, 1), DONE);
    leaf = number("SELECT active_leaf FROM conversation WHERE id = %" PRId64,
                  reply_i64(c, "conversation_id"));
    number("UPDATE message SET content = 'Done', status = 'complete' WHERE id = %" PRId64
           " RETURNING 1",
           leaf);
    ck_assert_int_eq(history_read(c, ALICE, leaf, 16000, &h), DONE);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_uint_eq(h.messages[0].file_count, 3);
    ck_assert_int_eq(h.messages[0].files[0].kind, MODEL_FILE_UNKNOWN);
    ck_assert_int_eq(h.messages[0].files[0].id, 30);
    ck_assert_uint_eq(h.messages[1].file_count, 0);
    for (size_t i = 0; i < 3; i++) {
        h.messages[0].files[i].kind = MODEL_FILE_ID;
        h.messages[0].files[i].tokens = i == 1 ? 16000 : 100;
    }
    history_fit(&h, 16000);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_int_eq(h.messages[0].files[0].kind, MODEL_FILE_ID);
    ck_assert_int_eq(h.messages[0].files[1].kind, MODEL_FILE_ABSENT);
    ck_assert_int_eq(h.messages[0].files[2].kind, MODEL_FILE_ID);
    history_fit(&h, 10); /* not even the text */
    ck_assert_uint_eq(h.count, 0);
    ck_assert_int_eq(h.dropped, 2);
    history_drop(&h);
}
END_TEST

/* ---- lists of messages ---- */

#define CONVERSATION INT64_C(900000000)
#define MESSAGES     2000 /* CONVERSATION + 1 to + MESSAGES, each the next one's parent */

static void long_conversation(void)
{
    number("INSERT INTO conversation (id, owner_id, project_id, active_leaf) OVERRIDING SYSTEM "
           "VALUE VALUES (%" PRId64 ", 7000001, 5000001, 900002000) RETURNING 1",
           CONVERSATION);
    number(
        "INSERT INTO message (id, conversation_id, owner_id, parent_id, depth, role, status, "
        "content) OVERRIDING SYSTEM VALUE SELECT c + n, c, 7000001, nullif(c + n - 1, c), n - 1, "
        "CASE WHEN n %% 2 = 1 THEN 'user' ELSE 'assistant' END, 'complete', 'text ' || n "
        "FROM generate_series(1, 2000) n, (SELECT %" PRId64 " AS c) x RETURNING 1",
        CONVERSATION);
}

/* Follows `next` to the end; every message of the conversation comes once and in order. */
static void walk(struct message_list_in in)
{
    bool up = in.has_order && in.order[0] == 'a';
    int64_t expected = up ? CONVERSATION + 1 : CONVERSATION + MESSAGES;

    in.conversation_id = CONVERSATION;
    in.has_limit = true;
    in.limit = 200;
    do {
        struct json_object *page;
        c = harness_call(OP_message_list, ALICE);
        ck_assert_int_eq(message_list(c, &in), DONE);
        page = harness_reply(c);
        for (size_t i = 0; i < json_object_array_length(page); i++) {
            ck_assert_int_eq(json_i64(json_object_array_get_idx(page, i), "id", 0), expected);
            expected += up ? 1 : -1;
        }
        in.has_after = true;
        in.after = strtoll(c->next, NULL, 10);
    } while (c->next[0]);
    ck_assert_int_eq(expected, up ? CONVERSATION + MESSAGES + 1 : CONVERSATION);
}

START_TEST(a_long_conversation_is_read_in_pages)
{
    long_conversation();
    walk((struct message_list_in){0});
    walk((struct message_list_in){.has_order = true, .order = "asc"});
    walk((struct message_list_in){.has_all = true, .all = true});
    walk((struct message_list_in){.has_all = true, .all = true, .has_order = true, .order = "asc"});
}
END_TEST

START_TEST(others_read_nothing)
{
    struct message_list_in in = {.conversation_id = CONVERSATION};

    long_conversation();
    c = harness_call(OP_message_list, BOB);
    ck_assert_int_eq(message_list(c, &in), NOT_FOUND);
    in.has_all = in.all = true;
    c = harness_call(OP_message_list, BOB);
    ck_assert_int_eq(message_list(c, &in), NOT_FOUND);
}
END_TEST

/* More of them than are shown: the newest. */
START_TEST(siblings_are_bounded)
{
    struct message_list_in in = {.conversation_id = CONVERSATION, .has_limit = true, .limit = 1};
    struct json_object *siblings;

    long_conversation();
    number("UPDATE message SET parent_id = NULL WHERE conversation_id = %" PRId64
           " AND id > 900001800 RETURNING 1",
           CONVERSATION);
    c = harness_call(OP_message_list, ALICE);
    ck_assert_int_eq(message_list(c, &in), DONE);
    siblings = json_member(json_object_array_get_idx(harness_reply(c), 0), "siblings");
    ck_assert_uint_eq(json_object_array_length(siblings), 100);
    ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(siblings, 0)),
                     CONVERSATION + MESSAGES - 99);
    ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(siblings, 99)),
                     CONVERSATION + MESSAGES);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("chat_files");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, files_stay_with_message_and_turn);
    tcase_add_test(t, files_count_against_the_daily_limit);
    tcase_add_test(t, only_the_owner_records_what_the_model_was_given);
    tcase_add_test(t, history_knows_the_files_of_its_messages);
    tcase_add_test(t, a_long_conversation_is_read_in_pages);
    tcase_add_test(t, others_read_nothing);
    tcase_add_test(t, siblings_are_bounded);
    return check_run("chat_files", t);
}
