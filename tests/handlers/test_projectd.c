/* projectd's projects and prompts: handlers and statements on a real database. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "projectd/limits.h"
#include "projectd/queries.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE 7000001
#define BOB   7000002

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "projectd/queries.def"
    {0},
};

static struct call *c;

static void begin(void)
{
    harness_open("projectd", "project", queries, NULL);
    c = harness_call(OP_project_list, ALICE);
}

static void end(void)
{
    harness_close();
}

static int64_t project_make(int64_t owner, const char *name)
{
    struct project_create_in in = {.name = name};

    c = harness_call(OP_project_create, owner);
    ck_assert_int_eq(project_create(c, &in), DONE);
    return reply_i64(c, "id");
}

static int64_t prompt_make(int64_t owner, int64_t project, const char *content)
{
    struct prompt_create_in in = {.project_id = project, .name = "p", .content = content};

    c = harness_call(OP_prompt_create, owner);
    ck_assert_int_eq(prompt_create(c, &in), DONE);
    return reply_i64(c, "id");
}

static const char *context_of(int64_t caller, int64_t project)
{
    c = harness_call(OP_project_context, caller);
    if (harness_fast(c, Q_project_context, LIST_LIMIT, ARGS(project)) != DONE)
        return NULL;
    return c->out.data;
}

START_TEST(create_answers_the_project)
{
    struct project_create_in in = {.name = "Bot",
                                   .model = "m-1",
                                   .has_model = true,
                                   .temperature = 0.25,
                                   .has_temperature = true};

    c = harness_call(OP_project_create, ALICE);
    ck_assert_int_eq(project_create(c, &in), DONE);
    ck_assert_str_eq(reply_str(c, "name"), "Bot");
    ck_assert_str_eq(reply_str(c, "model"), "m-1");
    ck_assert(reply_is_null(c, "max_output_tokens"));
    ck_assert_int_eq(c->new_id, reply_i64(c, "id"));
}
END_TEST

START_TEST(update_changes_what_is_given)
{
    int64_t id = project_make(ALICE, "Bot");
    struct project_update_in model = {.project_id = id, .model = "m-1", .has_model = true};
    struct project_update_in name = {.project_id = id, .name = "New", .has_name = true};
    struct project_update_in clear = {.project_id = id, .has_model = true, .null_model = true};

    c = harness_call(OP_project_update, ALICE);
    ck_assert_int_eq(project_update(c, &model), DONE);
    c = harness_call(OP_project_update, ALICE);
    ck_assert_int_eq(project_update(c, &name), DONE);
    ck_assert_str_eq(reply_str(c, "name"), "New");
    ck_assert_str_eq(reply_str(c, "model"), "m-1");
    c = harness_call(OP_project_update, ALICE);
    ck_assert_int_eq(project_update(c, &clear), DONE);
    ck_assert(reply_is_null(c, "model"));
    ck_assert_str_eq(reply_str(c, "name"), "New");
}
END_TEST

START_TEST(others_see_and_change_nothing)
{
    int64_t id = project_make(ALICE, "Bot"), prompt = prompt_make(ALICE, id, "kind");
    struct project_update_in update = {.project_id = id, .name = "Stolen", .has_name = true};
    struct project_delete_in delete = {.project_id = id};
    struct prompt_create_in add = {.project_id = id, .name = "x", .content = "x"};
    struct prompt_update_in change = {.prompt_id = prompt, .content = "x", .has_content = true};
    struct prompt_delete_in drop = {.prompt_id = prompt};

    c = harness_call(OP_project_update, BOB);
    ck_assert_int_eq(project_update(c, &update), NOT_FOUND);
    ck_assert_int_eq(project_delete(c, &delete), NOT_FOUND);
    ck_assert_int_eq(prompt_create(c, &add), NOT_FOUND);
    ck_assert_int_eq(prompt_update(c, &change), NOT_FOUND);
    ck_assert_int_eq(prompt_delete(c, &drop), NOT_FOUND);
    c = harness_call(OP_prompt_list, BOB);
    ck_assert_int_eq(harness_fast(c, Q_prompt_list, LIST_LIMIT,
                                  ARGS(id, arg_i64_if(false, 0), arg_i64_if(false, 0))),
                     NOT_FOUND);
    ck_assert_ptr_null(context_of(BOB, id));
    ck_assert_ptr_nonnull(strstr(context_of(ALICE, id), "\"content\" : \"kind\""));
}
END_TEST

START_TEST(empty_prompt_list_is_not_a_missing_project)
{
    int64_t id = project_make(ALICE, "Bot");

    c = harness_call(OP_prompt_list, ALICE);
    ck_assert_int_eq(harness_fast(c, Q_prompt_list, LIST_LIMIT,
                                  ARGS(id, arg_i64_if(false, 0), arg_i64_if(false, 0))),
                     DONE);
    ck_assert_str_eq(c->out.data, "[]");
}
END_TEST

START_TEST(prompts_are_counted_and_ordered)
{
    int64_t id = project_make(ALICE, "Bot"), first = prompt_make(ALICE, id, "one");
    struct prompt_create_in full = {.project_id = id, .name = "x", .content = "x"};
    struct prompt_update_in last = {.prompt_id = first, .position = 900, .has_position = true};
    struct prompt_update_in off = {.prompt_id = first, .enabled = false, .has_enabled = true};
    const char *context;

    prompt_make(ALICE, id, "two");
    c = harness_call(OP_prompt_update, ALICE);
    ck_assert_int_eq(prompt_update(c, &last), DONE);
    ck_assert_int_eq(reply_i64(c, "version"), 2);
    context = context_of(ALICE, id);
    ck_assert(strstr(context, "\"two\"") < strstr(context, "\"one\""));
    c = harness_call(OP_prompt_update, ALICE);
    ck_assert_int_eq(prompt_update(c, &off), DONE);
    ck_assert_ptr_null(strstr(context_of(ALICE, id), "\"one\""));
    for (int i = 2; i < PROMPTS_PER_PROJECT; i++)
        prompt_make(ALICE, id, "more");
    c = harness_call(OP_prompt_create, ALICE);
    ck_assert_int_eq(prompt_create(c, &full), LIMIT_REACHED);
}
END_TEST

START_TEST(every_change_raises_the_version)
{
    int64_t id = project_make(ALICE, "Bot"), prompt;
    struct prompt_delete_in drop;
    char sql[96];

    snprintf(sql, sizeof sql, "SELECT version FROM project WHERE id = %lld", (long long)id);
    ck_assert_str_eq(harness_sql(c, sql), "1");
    prompt = prompt_make(ALICE, id, "one");
    ck_assert_str_eq(harness_sql(c, sql), "2");
    drop = (struct prompt_delete_in){.prompt_id = prompt};
    c = harness_call(OP_prompt_delete, ALICE);
    ck_assert_int_eq(prompt_delete(c, &drop), DONE);
    ck_assert_str_eq(harness_sql(c, sql), "3");
}
END_TEST

START_TEST(projects_have_a_limit)
{
    struct project_create_in in = {.name = "one more"};
    char sql[160];

    snprintf(sql, sizeof sql,
             "INSERT INTO project (owner_id, name) SELECT %d, 'p' FROM generate_series(1, %d) "
             "RETURNING id",
             ALICE, PROJECTS_PER_ACCOUNT);
    harness_sql(c, sql);
    c = harness_call(OP_project_create, ALICE);
    ck_assert_int_eq(project_create(c, &in), LIMIT_REACHED);
    ck_assert_ptr_nonnull(strstr(c->detail, "1000"));
    project_make(BOB, "not his limit");
}
END_TEST

START_TEST(lists_are_pages)
{
    int64_t first = project_make(ALICE, "a"), second = project_make(ALICE, "b");
    char next[32];

    project_make(BOB, "foreign");
    c = harness_call(OP_project_list, ALICE);
    ck_assert_int_eq(harness_fast(c, Q_project_list, 1, ARGS(arg_i64_if(false, 0), 1)), DONE);
    snprintf(next, sizeof next, "%lld", (long long)first);
    ck_assert_str_eq(c->next, next);
    c = harness_call(OP_project_list, ALICE);
    ck_assert_int_eq(harness_fast(c, Q_project_list, 10, ARGS(first, 10)), DONE);
    snprintf(next, sizeof next, "[{\"id\":%lld,", (long long)second);
    ck_assert_int_eq(strncmp(c->out.data, next, strlen(next)), 0);
    ck_assert_ptr_null(strstr(c->out.data, "foreign"));
    ck_assert_str_eq(c->next, "");
}
END_TEST

START_TEST(the_role_may_not_change_the_schema)
{
    ck_assert_str_eq(harness_sql_error(c, "CREATE TABLE mine (id int)"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "DROP TABLE prompt"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "SELECT 1 FROM auth.account"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "SELECT 1 FROM chat.message"), "42501");
}
END_TEST

static const char *erase(void)
{
    struct project_account_erase_in in = {.event_id = 1, .account_id = ALICE};

    c = harness_call(OP_project_account_erase, 0);
    ck_assert_int_eq(project_account_erase(c, &in), DONE);
    return arena_strndup(&c->arena, c->out.data, c->out.size);
}

START_TEST(a_deleted_account_has_no_projects)
{
    struct project_create_in in = {.name = "late"};
    int64_t other = project_make(BOB, "stays");

    for (int i = 0; i <= PROJECTS_ERASED_AT_ONCE; i++)
        prompt_make(ALICE, project_make(ALICE, "Bot"), "kind");
    harness_sql(c, "INSERT INTO idempotency VALUES (7000001, 'x', 'k', 'f', 200, NULL, 'r', now()) "
                   "RETURNING 1");
    ck_assert_str_eq(erase(), "{\"more\":true,\"wait\":0}");
    c = harness_call(OP_project_create, ALICE);
    ck_assert_int_eq(project_create(c, &in), UNAUTHORIZED);
    ck_assert_str_eq(erase(), "{\"more\":false,\"wait\":0}");
    ck_assert_str_eq(erase(), "{\"more\":false,\"wait\":0}");
    ck_assert_str_eq(harness_sql(c,
                                 "SELECT (SELECT count(*) FROM project WHERE owner_id = 7000001) "
                                 "+ (SELECT count(*) FROM prompt WHERE owner_id = 7000001) "
                                 "+ (SELECT count(*) FROM idempotency WHERE caller = 7000001)"),
                     "0");
    ck_assert_ptr_nonnull(context_of(BOB, other));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("projectd");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, create_answers_the_project);
    tcase_add_test(t, update_changes_what_is_given);
    tcase_add_test(t, others_see_and_change_nothing);
    tcase_add_test(t, empty_prompt_list_is_not_a_missing_project);
    tcase_add_test(t, prompts_are_counted_and_ordered);
    tcase_add_test(t, every_change_raises_the_version);
    tcase_add_test(t, projects_have_a_limit);
    tcase_add_test(t, lists_are_pages);
    tcase_add_test(t, the_role_may_not_change_the_schema);
    tcase_add_test(t, a_deleted_account_has_no_projects);
    return check_run("projectd", t);
}
