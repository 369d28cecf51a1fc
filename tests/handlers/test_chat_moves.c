/* chatd: conversations that leave as files and come back, on a real database. */
#include <inttypes.h>
#include <json-c/json.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/erase.h"
#include "chatd/export.h"
#include "chatd/import.h"
#include "chatd/queries.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/json.h"
#include "common/transfer.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE   7200001
#define BOB     7200002
#define PROJECT 5200001
#define OTHER   5200002

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static struct chatd state;
static struct call *c;
static struct transfer *transfer;

static void begin(void)
{
    char *argv[] = {"chatd", NULL};

    ck_assert_int_eq(conf_load(SVC_CHAT, "chatd", 1, argv, (struct conf **)&state.conf), 0);
    harness_open("chatd", "chat", queries, &state);
    c = harness_call(OP_conversation_get, ALICE);
}

static void end(void)
{
    harness_close();
    conf_drop((struct conf **)&state.conf);
    if (transfer)
        transfer_close(&transfer);
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

/* ---- exporting ---- */

static int64_t conversation(void)
{
    return number("INSERT INTO conversation (owner_id, project_id, title) VALUES (%d, %d, 'Ships') "
                  "RETURNING id",
                  ALICE, PROJECT);
}

/* Becomes the active leaf. */
static int64_t message(int64_t of, int64_t parent, const char *role, const char *content)
{
    int64_t id =
        number("INSERT INTO message (conversation_id, owner_id, parent_id, depth, role, status, "
               "content) VALUES (%" PRId64 ", %d, nullif(%" PRId64
               ", 0), 0, '%s', 'complete', '%s') RETURNING id",
               of, ALICE, parent, role, content);

    number("UPDATE conversation SET active_leaf = %" PRId64 " WHERE id = %" PRId64 " RETURNING 1",
           id, of);
    return id;
}

/* A question, two answers, and a question below the first one. */
static int64_t tree(void)
{
    int64_t of = conversation(), one = message(of, 0, "user", "one");
    int64_t a = message(of, one, "assistant", "first"), q;

    message(of, one, "assistant", "second");
    q = message(of, a, "user", "two");
    message(of, q, "assistant", "");
    return of;
}

static int export_all(int64_t caller, int64_t id, const struct export_format *f, struct text *out)
{
    cleanup(export_drop) struct export *e = NULL;
    bool more = true;
    int r;

    c = harness_call(OP_conversation_export, caller);
    r = export_open(c, id, f, &e);
    while (!r && more)
        r = export_next(c, e, out, &more);
    return r;
}

START_TEST(the_whole_tree_goes_out)
{
    cleanup(text_drop) struct text out = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    static const int64_t parents[] = {-1, 0, 0, 1, 3};
    struct json_object *list;
    const char *why;

    ck_assert_int_eq(export_all(ALICE, tree(), &export_json, &out), DONE);
    ck_assert_int_eq(json_parse(out.data, out.size, &o, &why), DONE);
    ck_assert_str_eq(json_str(o, "format", ""), "chatbot-conversation");
    ck_assert_int_eq(json_i64(o, "version", 0), 1);
    ck_assert_int_eq(json_i64(o, "active_leaf", 0), 4);
    list = json_member(o, "messages");
    ck_assert_int_eq(json_object_array_length(list), 5);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(json_i64(json_object_array_get_idx(list, i), "parent", -1), parents[i]);
}
END_TEST

START_TEST(markdown_has_one_branch)
{
    cleanup(text_drop) struct text out = {0};

    ck_assert_int_eq(export_all(ALICE, tree(), &export_markdown, &out), DONE);
    ck_assert_ptr_nonnull(strstr(out.data, "# Ships\n"));
    ck_assert_ptr_nonnull(strstr(out.data, ": 4 of the conversation's 5 messages"));
    ck_assert_ptr_nonnull(strstr(out.data, "\n> first\n"));
    ck_assert_ptr_null(strstr(out.data, "second"));
    ck_assert_ptr_nonnull(strstr(out.data, "\n*no text*\n"));
}
END_TEST

START_TEST(nobody_exports_what_is_not_theirs)
{
    cleanup(text_drop) struct text out = {0};
    int64_t id = tree();

    ck_assert_int_eq(export_all(BOB, id, &export_json, &out), NOT_FOUND);
    ck_assert_int_eq(out.size, 0);
    number("INSERT INTO project_ref (project_id, owner_id, gone) VALUES (%d, %d, true) RETURNING 1",
           PROJECT, ALICE);
    ck_assert_int_eq(export_all(ALICE, id, &export_json, &out), NOT_FOUND);
}
END_TEST

START_TEST(what_is_deleted_meanwhile_breaks_off)
{
    cleanup(export_drop) struct export *e = NULL;
    cleanup(text_drop) struct text out = {0};
    int64_t of = conversation(), last = 0;
    bool more = false;

    for (int i = 0; i < 70; i++)
        last = message(of, last, i % 2 ? "assistant" : "user", "x");
    c = harness_call(OP_conversation_export, ALICE);
    ck_assert_int_eq(export_open(c, of, &export_json, &e), DONE);
    ck_assert_int_eq(export_next(c, e, &out, &more), DONE);
    ck_assert(more);
    number("DELETE FROM conversation WHERE id = %" PRId64 " RETURNING 1", of);
    ck_assert_int_eq(export_next(c, e, &out, &more), NOT_FOUND);
}
END_TEST

START_TEST(archives_get_it_in_a_few_answers)
{
    cleanup(text_drop) struct text whole = {0};
    cleanup(text_drop) struct text parts = {0};
    int64_t of = conversation(), last = 0, at = 0;
    int answers = 0;

    for (int i = 0; i < 70; i++)
        last = message(of, last, i % 2 ? "assistant" : "user", "x");
    number("UPDATE message SET content = repeat('long \"', 15000) WHERE conversation_id = %" PRId64
           " RETURNING 1",
           of);
    ck_assert_int_eq(export_all(ALICE, of, &export_json, &whole), DONE);
    do {
        struct conversation_archive_in in = {.conversation_id = of, .at = at};
        struct json_object *text;
        c = harness_call(OP_conversation_archive, ALICE);
        ck_assert_int_eq(conversation_archive(c, &in), DONE);
        text = json_member(harness_reply(c), "text");
        text_add(&parts, json_object_get_string(text), (size_t)json_object_get_string_len(text));
        at = json_i64(harness_reply(c), "next", 0);
        answers++;
    } while (at);
    ck_assert_int_eq(answers, 2);
    ck_assert_str_eq(parts.data, whole.data);
    c = harness_call(OP_conversation_archive, BOB);
    ck_assert_int_eq(
        conversation_archive(c, &(struct conversation_archive_in){.conversation_id = of}),
        NOT_FOUND);
}
END_TEST

/* ---- importing ---- */

static void send_piece(uint32_t n, const char *text, size_t size, int last)
{
    zmq_msg_t payload;
    struct envelope e = {.kind = FRAME_DATA, .id = 1, .n = n, .last = (uint8_t)last};

    zmq_msg_init_size(&payload, size);
    if (size)
        memcpy(zmq_msg_data(&payload), text, size);
    transfer_data(transfer, &e, &payload);
    zmq_msg_close(&payload);
}

/* Reads a file in pieces of 7 bytes as far as they fit; what the runtime does with the result. */
static int import(int64_t caller, int64_t project, const char *text, int last)
{
    struct conversation_import_in in = {.project_id = project};
    size_t size = strlen(text);
    uint32_t n = 1;
    int r;

    if (transfer)
        transfer_close(&transfer);
    transfer = transfer_open(NULL, 0, 0, 1);
    for (; n < 7 && size > 7; n++, text += 7, size -= 7)
        send_piece(n, text, 7, DATA_MORE);
    if (last == DATA_LAST)
        send_piece(n++, text, size, DATA_MORE);
    send_piece(n, "", 0, last);
    c = harness_call(OP_conversation_import, caller);
    c->transfer = transfer;
    r = import_read(c, project);
    if (!r)
        r = conversation_import(c, &in);
    if (r && c->undone)
        c->undone(c, c->settle_state);
    else
        c->committed(c, c->settle_state);
    c->undone = c->committed = NULL;
    return r;
}

#define HEAD "{\"format\":\"chatbot-conversation\",\"version\":1,"
#define ASK  "{\"parent\":null,\"role\":\"user\",\"content\":\"hi\"}"
#define SMALL \
    HEAD "\"messages\":[" ASK ",{\"parent\":0,\"role\":\"assistant\",\"content\":\"ho\"}]}"

START_TEST(it_comes_back_as_it_was)
{
    cleanup(text_drop) struct text out = {0};
    cleanup(text_drop) struct text again = {0};
    int64_t made;

    ck_assert_int_eq(export_all(ALICE, tree(), &export_json, &out), DONE);
    ck_assert_int_eq(import(ALICE, PROJECT, out.data, DATA_LAST), DONE);
    made = reply_i64(c, "id");
    ck_assert_int_eq(c->new_id, made);
    ck_assert_int_eq(c->http, 0);
    ck_assert_str_eq(reply_str(c, "title"), "Ships");
    ck_assert_int_eq(export_all(ALICE, made, &export_json, &again), DONE);
    /* the last activity is the import */
    ck_assert_str_eq(strstr(again.data, "\"messages\""), strstr(out.data, "\"messages\""));
    ck_assert_int_eq(
        number("SELECT max(depth) FROM message WHERE conversation_id = %" PRId64, made), 3);
    ck_assert_int_eq(number("SELECT count(*) FROM search_todo s JOIN message m ON m.id = "
                            "s.message_id WHERE m.conversation_id = %" PRId64,
                            made),
                     5);
    ck_assert_int_eq(number("SELECT count(*) FROM turn WHERE conversation_id = %" PRId64, made), 0);
}
END_TEST

START_TEST(the_same_file_is_the_same_conversation)
{
    int64_t one, other;

    ck_assert_int_eq(import(ALICE, PROJECT, SMALL, DATA_LAST), DONE);
    one = reply_i64(c, "id");
    ck_assert_int_eq(import(ALICE, PROJECT, SMALL, DATA_LAST), DONE);
    ck_assert_int_eq(reply_i64(c, "id"), one);
    ck_assert_int_eq(c->http, 200);
    ck_assert_int_eq(import(ALICE, OTHER, SMALL, DATA_LAST), DONE);
    ck_assert_int_ne(other = reply_i64(c, "id"), one);
    ck_assert_int_eq(import(BOB, PROJECT, SMALL, DATA_LAST), DONE);
    ck_assert_int_ne(reply_i64(c, "id"), one);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE conversation_id = %" PRId64, one),
                     2);
    ck_assert_int_eq(number("SELECT count(*) FROM import_message"), 0);
    /* a deleted one is made anew, and what it was is forgotten */
    number("INSERT INTO erasure (conversation_id, owner_id, created_at) VALUES (%" PRId64
           ", %d, 'epoch') RETURNING 1",
           one, ALICE);
    number("DELETE FROM conversation WHERE id = %" PRId64 " RETURNING 1", one);
    ck_assert_int_eq(import(ALICE, PROJECT, SMALL, DATA_LAST), DONE);
    ck_assert_int_ne(reply_i64(c, "id"), one);
    ck_assert_int_eq(c->http, 0);
    number("UPDATE import SET conversation_id = %" PRId64
           " WHERE owner_id = %d AND project_id = %d RETURNING 1",
           one, ALICE, PROJECT);
    c = harness_call(OP_conversation_get, ALICE);
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM import WHERE conversation_id = %" PRId64, one),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM import WHERE conversation_id = %" PRId64, other),
                     1);
}
END_TEST

START_TEST(nothing_stays_of_what_is_not_whole)
{
    cleanup(text_drop) struct text long_one = {0};

    text_puts(&long_one, HEAD "\"messages\":[" ASK);
    for (int i = 0; i < 450; i++)
        text_puts(&long_one, ",{\"parent\":0,\"role\":\"assistant\",\"content\":\"ho\"}");
    text_puts(&long_one, ",{\"parent\":452,\"role\":\"assistant\",\"content\":\"ho\"}]}");
    ck_assert_int_eq(import(ALICE, PROJECT, long_one.data, DATA_LAST), BAD_INPUT);
    ck_assert_str_eq(c->field, "messages[451].parent");
    ck_assert_int_eq(import(ALICE, PROJECT, SMALL, DATA_BROKEN), UNAVAILABLE);
    number("INSERT INTO project_ref (project_id, owner_id, gone) VALUES (%d, %d, true) RETURNING 1",
           PROJECT, ALICE);
    ck_assert_int_eq(import(ALICE, PROJECT, SMALL, DATA_LAST), NOT_FOUND);
    ck_assert_int_eq(number("SELECT count(*) FROM import_message"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE owner_id = %d", ALICE), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM message WHERE owner_id = %d", ALICE), 0);
}
END_TEST

START_TEST(what_a_crash_of_the_database_took_is_noticed)
{
    struct conversation_import_in in = {.project_id = PROJECT};

    ck_assert_int_eq(import(ALICE, PROJECT, HEAD "\"messages\":5}", DATA_LAST), BAD_INPUT);
    transfer_close(&transfer);
    transfer = transfer_open(NULL, 0, 0, 1);
    send_piece(1, SMALL, strlen(SMALL), DATA_MORE);
    send_piece(2, "", 0, DATA_LAST);
    c = harness_call(OP_conversation_import, ALICE);
    c->transfer = transfer;
    ck_assert_int_eq(import_read(c, PROJECT), DONE);
    number("DELETE FROM import_message WHERE n = 0 RETURNING 1");
    ck_assert_int_eq(conversation_import(c, &in), UNAVAILABLE);
    c->undone(c, c->settle_state);
    c->undone = c->committed = NULL;
}
END_TEST

START_TEST(what_was_left_behind_is_swept)
{
    number("INSERT INTO import_message SELECT 'old', n, n, NULL, 0, 'user', 'complete', 'x', NULL, "
           "NULL, '{}', NULL, now(), now() - n * interval '1 hour' FROM generate_series(5, 7) n "
           "RETURNING 1");
    c = harness_call(OP_conversation_get, ALICE);
    ck_assert_int_eq(imports_sweep(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM import_message WHERE upload = 'old'"), 2);
    ck_assert_int_eq(imports_sweep(c), DONE);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("moves");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, the_whole_tree_goes_out);
    tcase_add_test(tests, markdown_has_one_branch);
    tcase_add_test(tests, nobody_exports_what_is_not_theirs);
    tcase_add_test(tests, what_is_deleted_meanwhile_breaks_off);
    tcase_add_test(tests, archives_get_it_in_a_few_answers);
    tcase_add_test(tests, it_comes_back_as_it_was);
    tcase_add_test(tests, the_same_file_is_the_same_conversation);
    tcase_add_test(tests, nothing_stays_of_what_is_not_whole);
    tcase_add_test(tests, what_a_crash_of_the_database_took_is_noticed);
    tcase_add_test(tests, what_was_left_behind_is_swept);
    return check_run("chat_moves", tests);
}
