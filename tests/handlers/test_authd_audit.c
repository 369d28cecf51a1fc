/* authd's audit on a real database: what is noted, the chain, its old end, and who may do what. */
#include "authd/audit.h"
#include "authd/audit_chain.h"
#include "authd/erasure.h"
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"

static int64_t ann;

static void begin_ann(void)
{
    begin();
    ann = account_make(EMAIL);
}

static const char *actions(const char *table)
{
    char sql[120];

    snprintf(sql, sizeof sql, "SELECT string_agg(action, ' ' ORDER BY id) FROM %s", table);
    return harness_sql(c, sql);
}

static int64_t verified(int64_t bad)
{
    struct audit_finding found;

    ck_assert_int_eq(audit_verify(c, NULL, &found), DONE);
    ck_assert_int_eq(found.bad, bad);
    return found.entries;
}

/* The entry that has a hash. */
static int64_t noted_at(const char *hash)
{
    struct audit_finding found;

    ck_assert_int_eq(audit_verify(c, hash, &found), DONE);
    ck_assert_int_eq(found.bad, 0);
    return found.noted_at;
}

/* An entry of so many days ago. */
static void old_entry(int days)
{
    char sql[200];

    snprintf(sql, sizeof sql,
             "INSERT INTO audit_pending (at, actor_id, account_id, action) VALUES "
             "(now() - interval '%d days', 1, 1, 'login') RETURNING 1",
             days);
    harness_sql(c, sql);
    ck_assert_int_eq(audit_tick(c), DONE);
}

START_TEST(what_happens_is_noted)
{
    struct apikey_create_in key = {.name = "secret name", .scopes = "read chat"};
    struct password_change_in change = {.old_password = "Wrong-password-1",
                                        .new_password = "Another-pass-2"};
    int64_t session = session_make(EMAIL);

    ck_assert_int_eq(login_as(EMAIL, "wrong"), BAD_LOGIN);
    ck_assert_int_eq(login_as("nobody@example.com", "wrong"), BAD_LOGIN);
    c = harness_call(OP_apikey_create, ann);
    ck_assert_int_eq(apikey_create(c, &key), DONE);
    c = harness_call(OP_password_change, ann);
    ck_assert_int_eq(password_change_prepare(c, &change), BAD_INPUT);
    ck_assert_int_eq(logout_as(ann, session), DONE);
    ck_assert_str_eq(actions("audit_pending"),
                     "registered login login_failed login_failed key_made password_wrong logout");
    ck_assert_int_eq(audit_tick(c), DONE);
    ck_assert_ptr_null(actions("audit_pending"));
    ck_assert_str_eq(actions("audit"),
                     "registered login login_failed login_failed key_made password_wrong logout");
    ck_assert_int_eq(verified(0), 7);
    /* numbers only: no address, no name */
    ck_assert_int_eq(number("SELECT count(*) FROM audit a WHERE a::text ~ '@|secret|cbk_'"), 0);
    ck_assert_str_eq(harness_sql(c, "SELECT detail FROM audit WHERE action = 'key_made'"),
                     "read chat");
    /* the account that nobody has is no account's */
    c = harness_call(OP_audit_own, ann);
    ck_assert_int_eq(
        harness_fast(c, Q_audit_own, LIST_LIMIT, ARGS(arg_str(NULL), arg_str(NULL), arg_str(NULL))),
        DONE);
    ck_assert_uint_eq(json_object_array_length(harness_reply(c)), 6);
}
END_TEST

START_TEST(a_lock_is_noted)
{
    for (int i = 0; i < 10; i++)
        login_as(EMAIL, "wrong");
    ck_assert_int_eq(number("SELECT count(*) FROM audit_pending WHERE action = 'login_failed'"), 9);
    ck_assert_int_eq(number("SELECT count(*) FROM audit_pending WHERE action = 'login_locked'"), 1);
}
END_TEST

START_TEST(what_others_send_twice_is_there_once)
{
    struct audit_append_in in = {.event_id = 5,
                                 .source = "project",
                                 .action = "project_deleted",
                                 .object = "project:7",
                                 .at = INT64_C(1700000000123456)};

    for (int i = 0; i < 4; i++) {
        c = harness_call(OP_audit_append, ann);
        ck_assert_int_eq(audit_append(c, &in), DONE);
        if (i % 2)
            ck_assert_int_eq(audit_tick(c), DONE);
    }
    ck_assert_str_eq(actions("audit"), "registered project_deleted");
    ck_assert_str_eq(harness_sql(c, "SELECT at FROM audit WHERE source = 'project'"),
                     "2023-11-14 22:13:20.123456+00");
    ck_assert_int_eq(verified(0), 2);
    /* as two that overlap leave it */
    harness_sql(
        c, "INSERT INTO audit_pending (actor_id, account_id, action, object, source, event_id) "
           "VALUES (1, 1, 'project_deleted', 'project:7', 'project', 5) RETURNING 1");
    old_entry(1);
    ck_assert_ptr_null(actions("audit_pending"));
    ck_assert_str_eq(actions("audit"), "registered project_deleted login");
    ck_assert_int_eq(verified(0), 3);
}
END_TEST

START_TEST(nobody_changes_it)
{
    old_entry(1);
    ck_assert_str_eq(harness_sql_error(c, "UPDATE audit SET actor_id = 2"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "DELETE FROM audit"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "TRUNCATE audit"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "INSERT INTO audit_checkpoint VALUES (9, 'x')"), "42501");
    ck_assert_int_eq(verified(0), 2);
    /* what does not come by way of the chain shows */
    harness_sql(c, "INSERT INTO audit VALUES (3, now(), 1, 1, 'login', '', '', 'auth', NULL, "
                   "sha256('made up')) RETURNING 1");
    verified(3);
}
END_TEST

START_TEST(a_gap_shows)
{
    old_entry(1);
    harness_sql(c, "INSERT INTO audit SELECT 4, at, actor_id, account_id, action, object, detail, "
                   "source, event_id, hash FROM audit WHERE id = 2 RETURNING 1");
    verified(4);
}
END_TEST

START_TEST(the_old_end_is_cut_off)
{
    char hash[3][AUDIT_HASH_HEX];

    ck_assert_int_eq(audit_tick(c), DONE);
    ck_assert_int_eq(number("SELECT audit_cut(31, 100)"), 0);
    harness_rollback();
    old_entry(400);
    old_entry(366);
    old_entry(40);
    ck_assert_int_eq(verified(0), 3);
    for (int64_t i = 0; i < 3; i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT encode(hash, 'hex') FROM audit WHERE id = %d",
                 (int)i + 1);
        snprintf(hash[i], sizeof hash[i], "%s", harness_sql(c, sql));
        ck_assert_int_eq(noted_at(hash[i]), i + 1);
    }
    ck_assert_int_eq(number("SELECT audit_cut(365, 1)"), 1);
    ck_assert_int_eq(number("SELECT audit_cut(365, 100)"), 1);
    ck_assert_int_eq(number("SELECT audit_cut(365, 100)"), 0);
    ck_assert_int_eq(verified(0), 1);
    ck_assert_int_eq(noted_at(hash[0]), -1);
    ck_assert_int_eq(noted_at(hash[1]), 2); /* what the rest begins with */
    ck_assert_int_eq(noted_at(hash[2]), 3);
    ck_assert_int_eq(number("SELECT min(id) FROM audit"), 3);
    /* 30 days stay whoever asks for what */
    old_entry(29);
    ck_assert_int_eq(number("SELECT audit_cut(1, 100)"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM audit"), 1);
    /* and it goes on behind the cut */
    old_entry(0);
    ck_assert_int_eq(verified(0), 2);
    ck_assert_int_eq(number("SELECT max(id) FROM audit"), 5);
    ck_assert_int_eq(number("SELECT count(*) FROM audit_checkpoint"), 1);
}
END_TEST

START_TEST(where_from_goes_with_the_account)
{
    struct user_delete_in in = {.password = PASSWORD};

    session_make(EMAIL);
    harness_sql(c, "UPDATE audit_pending SET address = '192.0.2.7' RETURNING 1");
    ck_assert_int_eq(audit_tick(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM audit_origin"), 2);
    c = harness_call(OP_user_delete, ann);
    ck_assert_int_eq(user_delete_prepare(c, &in), DONE);
    ck_assert_int_eq(user_delete(c, &in), DONE);
    harness_sql(c, "UPDATE audit_pending SET address = '192.0.2.7' RETURNING 1");
    ck_assert_int_eq(audit_tick(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM audit_origin"), 0);
    ck_assert_str_eq(actions("audit"), "registered login account_deleted");
    ck_assert_int_eq(verified(0), 3);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("audit");

    tcase_add_checked_fixture(t, begin_ann, end);
    tcase_add_test(t, what_happens_is_noted);
    tcase_add_test(t, a_lock_is_noted);
    tcase_add_test(t, what_others_send_twice_is_there_once);
    tcase_add_test(t, nobody_changes_it);
    tcase_add_test(t, a_gap_shows);
    tcase_add_test(t, the_old_end_is_cut_off);
    tcase_add_test(t, where_from_goes_with_the_account);
    return check_run("authd_audit", t);
}
