/* projectd: exported projects that come back, on a real database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/transfer.h"
#include "projectd/limits.h"
#include "projectd/queries.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE 7300001
#define BOB   7300002

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "projectd/queries.def"
    {0},
};

static struct call *c;
static struct transfer *transfer;

static void begin(void)
{
    harness_open("projectd", "project", queries, NULL);
    c = harness_call(OP_project_list, ALICE);
}

static void end(void)
{
    harness_close();
    if (transfer)
        transfer_close(&transfer);
}

static int64_t number(const char *sql)
{
    const char *value = harness_sql(c, sql);

    return value ? strtoll(value, NULL, 10) : -1;
}

static int import(int64_t caller, const char *text, int last)
{
    struct project_import_in in = {};
    struct envelope e = {.kind = FRAME_DATA, .id = 1, .n = 1};
    zmq_msg_t payload;
    int r;

    if (transfer)
        transfer_close(&transfer);
    transfer = transfer_open(NULL, 0, 0, 1);
    zmq_msg_init_size(&payload, strlen(text));
    memcpy(zmq_msg_data(&payload), text, strlen(text));
    transfer_data(transfer, &e, &payload);
    zmq_msg_init(&payload);
    e.n = 2;
    e.last = (uint8_t)last;
    transfer_data(transfer, &e, &payload);
    c = harness_call(OP_project_import, caller);
    c->transfer = transfer;
    r = project_import_prepare(c, &in);
    if (!r)
        r = project_import(c, &in);
    c->undone(c, c->settle_state);
    c->undone = c->committed = NULL;
    return r;
}

#define FILE_TEXT                                                                        \
    "{\"project\":{\"id\":5,\"name\":\"one\",\"model\":\"m\",\"temperature\":0.25,"      \
    "\"max_output_tokens\":null,\"background\":true,\"created_at\":\"x\",\"prompts\":["  \
    "{\"name\":\"a\",\"content\":\"A\",\"position\":7,\"enabled\":false,\"version\":3}," \
    "{\"name\":\"b\",\"content\":\"B\"}]},\"files\":[]}"

START_TEST(it_is_made_with_its_prompts)
{
    ck_assert_int_eq(import(ALICE, FILE_TEXT, DATA_LAST), DONE);
    ck_assert_int_eq(c->http, 0);
    ck_assert_str_eq(reply_str(c, "name"), "one");
    ck_assert_str_eq(reply_str(c, "model"), "m");
    ck_assert(reply_is_null(c, "max_output_tokens"));
    ck_assert_int_eq(number("SELECT count(*) FROM project WHERE owner_id = 7300001 AND background "
                            "AND temperature = 0.25"),
                     1);
    ck_assert_str_eq(harness_sql(c, "SELECT string_agg(name || content || position || enabled, ' ' "
                                    "ORDER BY id) FROM prompt WHERE owner_id = 7300001"),
                     "aA7false bB2true");
}
END_TEST

START_TEST(the_same_file_is_the_same_project)
{
    int64_t one;

    ck_assert_int_eq(import(ALICE, FILE_TEXT, DATA_LAST), DONE);
    one = reply_i64(c, "id");
    ck_assert_int_eq(import(ALICE, FILE_TEXT, DATA_LAST), DONE);
    ck_assert_int_eq(c->http, 200);
    ck_assert_int_eq(reply_i64(c, "id"), one);
    ck_assert_int_eq(import(BOB, FILE_TEXT, DATA_LAST), DONE);
    ck_assert_int_ne(reply_i64(c, "id"), one);
    ck_assert_int_eq(number("SELECT count(*) FROM prompt WHERE owner_id = 7300001"), 2);
    number("DELETE FROM project WHERE owner_id = 7300001 RETURNING 1");
    ck_assert_int_eq(number("SELECT count(*) FROM import WHERE owner_id = 7300001"), 0);
    ck_assert_int_eq(import(ALICE, FILE_TEXT, DATA_LAST), DONE);
    ck_assert_int_eq(c->http, 0);
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
    ck_assert_int_eq(import(ALICE, "{\"project\":{\"name\":\"\"}}", DATA_LAST), BAD_INPUT);
    ck_assert_str_eq(c->field, "project.name");
    ck_assert_int_eq(import(ALICE, "{\"project\":", DATA_LAST), BAD_JSON);
    ck_assert_int_eq(import(ALICE, FILE_TEXT, DATA_BROKEN), UNAVAILABLE);
    number("INSERT INTO project (owner_id, name) SELECT 7300001, 'x' FROM generate_series(1, 1000) "
           "RETURNING 1");
    ck_assert_int_eq(import(ALICE, FILE_TEXT, DATA_LAST), LIMIT_REACHED);
    ck_assert_int_eq(number("SELECT count(*) FROM import WHERE owner_id = 7300001"), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("import");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, it_is_made_with_its_prompts);
    tcase_add_test(tests, the_same_file_is_the_same_project);
    tcase_add_test(tests, what_is_wrong_is_refused);
    return check_run("project_import", tests);
}
