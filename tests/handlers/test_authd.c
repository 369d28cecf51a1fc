/* authd's accounts and sessions: handlers and statements on a real database. */
#include <libpq-fe.h>

#include "tests/handlers/authd_rig.h"

/* ---- accounts ------------------------------------------------------------------------------ */

START_TEST(register_answers_the_account)
{
    int64_t id = account_make("Ann@Example.com");

    ck_assert_int_gt(id, 0);
    ck_assert_str_eq(reply_str(c, "email"), "Ann@Example.com");
    ck_assert_uint_gt(strlen(reply_str(c, "created_at")), 19);
    ck_assert_ptr_null(strstr(c->out.data, "argon2"));
    c = harness_call(OP_user_me, id);
    ck_assert_int_eq(harness_fast(c, Q_user_me, 1, NO_ARGS), DONE);
    ck_assert_int_eq(reply_i64(c, "id"), id);
    ck_assert_str_eq(reply_str(c, "email"), "Ann@Example.com");
    c = harness_call(OP_user_me, id + 1);
    ck_assert_int_eq(harness_fast(c, Q_user_me, 1, NO_ARGS), NOT_FOUND);
}
END_TEST

START_TEST(register_taken)
{
    account_make("ann@example.com");
    ck_assert_int_eq(register_as("ANN@Example.COM", "OtherPass123"), CONFLICT);
    ck_assert_str_eq(c->field, "email");
    ck_assert_str_eq(c->detail, "an account with this address exists");
}
END_TEST

START_TEST(register_refused)
{
    ck_assert_int_eq(register_as("ann.example.com", PASSWORD), BAD_INPUT);
    ck_assert_str_eq(c->field, "email");
    ck_assert_int_eq(register_as("ann@example.com", "onlyletters"), BAD_INPUT);
    ck_assert_str_eq(c->field, "password");
    ck_assert_str_eq(c->detail, "password: must contain a digit");
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE email_key LIKE 'ann%'"), 0);
}
END_TEST

START_TEST(login_answers_a_token)
{
    int64_t account = account_make("ann@example.com");
    struct token_claims claims;
    const char *refresh;
    unsigned char digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    ck_assert_int_eq(login_as("Ann@example.COM", PASSWORD), DONE);
    claims = reply_claims();
    ck_assert_int_eq(claims.account, account);
    ck_assert_int_gt(claims.session, 0);
    ck_assert_int_eq(claims.expires - claims.issued, 3600);
    ck_assert_str_eq(reply_str(c, "token_type"), "bearer");
    ck_assert_int_eq(reply_i64(c, "expires_in"), 3600);
    refresh = reply_str(c, "refresh_token");
    ck_assert_uint_eq(strlen(refresh), 43);
    digest_sha256(refresh, 43, digest);
    hex_encode(digest, sizeof digest, hex);
    ck_assert_int_eq(
        number(arena_printf(&c->arena,
                            "SELECT count(*) FROM session WHERE refresh_hash = decode('%s', 'hex') "
                            "AND client = '127.0.0.1' AND expires_at > now() + interval '29 days'",
                            hex)),
        1);
    ck_assert_int_ge(session_seq(account, claims.session), 0);
}
END_TEST

START_TEST(login_failures_look_alike)
{
    const char *all = "SELECT coalesce(sum(failures), 0) FROM login_failure";
    int64_t before;

    account_make("ann@example.com");
    before = number(all);
    ck_assert_int_eq(login_as("ann@example.com", "WrongPass123"), BAD_LOGIN);
    ck_assert(!c->field && !c->detail && c->out.size == 0 && !c->retry_after);
    ck_assert_int_eq(login_as("nobody@example.com", PASSWORD), BAD_LOGIN);
    ck_assert(!c->field && !c->detail && c->out.size == 0 && !c->retry_after);
    ck_assert_int_eq(login_as("no address", PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(login_as("ANN@example.com", "WrongPass124"), BAD_LOGIN);
    ck_assert_int_eq(number(all) - before, 4);
    ck_assert_int_eq(login_as("ann@example.com", PASSWORD), DONE);
    ck_assert_int_eq(number(all) - before, 2);
}
END_TEST

START_TEST(login_disabled)
{
    int64_t account = account_make("ann@example.com"), session = session_make("ann@example.com");

    ck_assert_int_ge(session_seq(account, session), 0);
    harness_sql(c, "UPDATE account SET disabled = true WHERE email_key = 'ann@example.com'");
    ck_assert_int_eq(login_as("ann@example.com", "WrongPass123"), BAD_LOGIN);
    ck_assert_int_eq(login_as("ann@example.com", PASSWORD), FORBIDDEN);
    ck_assert_int_eq(session_seq(account, session), -1);
}
END_TEST

START_TEST(login_rehashes_when_the_cost_rose)
{
    const char *dear = "SELECT count(*) FROM account WHERE email_key = 'ann@example.com' "
                       "AND password_hash LIKE '$argon2id$v=19$m=128,t=2,p=1$%'";

    account_make("ann@example.com");
    state.cost = (struct password_cost){.memory_kib = 128, .passes = 2};
    ck_assert_int_eq(login_as("ann@example.com", "WrongPass123"), BAD_LOGIN);
    ck_assert_int_eq(number(dear), 0);
    ck_assert_int_eq(login_as("ann@example.com", PASSWORD), DONE);
    ck_assert_int_eq(number(dear), 1);
    ck_assert_int_eq(login_as("ann@example.com", PASSWORD), DONE);
}
END_TEST

/* A session opened with the old password must not outlive its change. */
START_TEST(login_while_the_password_changes)
{
    struct user_login_in in = {.email = "ann@example.com", .password = PASSWORD};

    account_make("ann@example.com");
    c = harness_call(OP_user_login, 0);
    ck_assert_int_eq(user_login_prepare(c, &in), DONE);
    harness_sql(c,
                "UPDATE account SET password_hash = 'changed' WHERE email_key = 'ann@example.com'");
    ck_assert_int_eq(user_login(c, &in), BAD_LOGIN);
    ck_assert_int_eq(number("SELECT count(*) FROM session s JOIN account a ON a.id = s.account_id "
                            "WHERE a.email_key = 'ann@example.com'"),
                     0);
}
END_TEST

/* An account that was taken over: the old hash is verified once, and Argon2id from then on. */
START_TEST(login_with_an_old_hash)
{
    struct user_login_in in = {.email = "ann@example.com", .password = "Password"};

    account_make("ann@example.com");
    harness_sql(c, "UPDATE account SET password_hash = "
                   "'$pbkdf2-sha256$1000$c29tZXNhbHQ$j4Aa14inUtOh7Sg/D7hH54ohymuHNQD4.ccfhepGWAY' "
                   "WHERE email_key = 'ann@example.com'");
    c = harness_call(OP_user_login, 0);
    ck_assert_int_eq(user_login_prepare(c, &in), DONE);
    ck_assert_int_eq(user_login(c, &in), BAD_LOGIN);
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE password_hash ^@ '$pbkdf2'"), 1);
    in.password = "password";
    c = harness_call(OP_user_login, 0);
    ck_assert_int_eq(user_login_prepare(c, &in), DONE);
    ck_assert_int_eq(user_login(c, &in), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE password_hash ^@ '$pbkdf2'"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE email_key = 'ann@example.com' "
                            "AND password_hash ^@ '$argon2id$'"),
                     1);
}
END_TEST

/* ---- sessions and revocations -------------------------------------------------------------- */

START_TEST(logout_revokes)
{
    int64_t ann = account_make("ann@example.com"), bob = account_make("bob@example.com");
    int64_t one = session_make("ann@example.com"), two = session_make("ann@example.com");
    int64_t seq = session_seq(ann, one);

    ck_assert_int_eq(session_seq(bob, one), -1); /* not his */
    ck_assert_int_eq(session_seq(ann, INT64_MAX), -1);
    ck_assert_int_eq(logout_as(bob, one), DONE); /* nothing of his to end */
    ck_assert_int_eq(session_seq(ann, one), seq);
    ck_assert_int_eq(logout_as(ann, one), DONE);
    ck_assert_int_eq(session_seq(ann, one), -1);
    ck_assert_int_eq(session_seq(ann, two), seq + 1);
    ck_assert_int_eq(logout_as(ann, one), DONE); /* once only */
    ck_assert_int_eq(session_seq(ann, two), seq + 1);
}
END_TEST

START_TEST(session_expires)
{
    int64_t ann = account_make("ann@example.com"), session = session_make("ann@example.com");

    harness_sql(c, "UPDATE session SET expires_at = now() - interval '1 second'");
    ck_assert_int_eq(session_seq(ann, session), -1);
}
END_TEST

START_TEST(session_limit_ends_the_oldest)
{
    int64_t ann = account_make("ann@example.com"), first = session_make("ann@example.com");
    int64_t seq = session_seq(ann, first), second, last = 0;
    struct event e;

    second = session_make("ann@example.com");
    for (int i = 2; i < SESSIONS_MAX + 2; i++)
        last = session_make("ann@example.com");
    ck_assert_int_eq(session_seq(ann, first), -1);
    ck_assert_int_eq(session_seq(ann, second), -1);
    ck_assert_int_eq(session_seq(ann, last), seq + 2);
    ck_assert_int_eq(number("SELECT count(*) FROM session s JOIN account a ON a.id = s.account_id "
                            "WHERE a.email_key = 'ann@example.com' AND s.expires_at > now()"),
                     SESSIONS_MAX);
    ck_assert_int_eq(revocation_event(c, &e), DONE);
    ck_assert_uint_eq(e.cursor, (uint64_t)seq + 2);
}
END_TEST

static uint64_t event_id(const struct event *e, uint32_t i)
{
    uint64_t id = 0;

    for (int k = 7; k >= 0; k--)
        id = id << 8 | (unsigned char)e->data[8 * i + k];
    return id;
}

START_TEST(event_of_nothing)
{
    struct event e;

    harness_sql(c, "DELETE FROM revocation");
    ck_assert_int_eq(revocation_event(c, &e), DONE);
    ck_assert_str_eq(e.topic, "session");
    ck_assert_int_eq(e.what, EVENT_REVOKED);
    ck_assert_uint_eq(e.cursor, (uint64_t)number("SELECT seq FROM revocation_counter"));
    ck_assert_uint_eq(e.attempt, 0);
    ck_assert_uint_eq(e.size, 0);
}
END_TEST

START_TEST(event_lists_the_newest)
{
    struct event e;
    uint64_t start;

    harness_sql(c, "DELETE FROM revocation");
    start = (uint64_t)number("SELECT seq FROM revocation_counter");
    for (int64_t i = 1; i <= 3; i++)
        ck_assert_int_eq(db_do(c, Q_revocation_append, ARGS(1, 1000 + i)), DONE);
    ck_assert_int_eq(revocation_event(c, &e), DONE);
    ck_assert_uint_eq(e.cursor, start + 3);
    ck_assert_uint_eq(e.attempt, 3);
    ck_assert_uint_eq(event_id(&e, 0), 1001);
    ck_assert_uint_eq(event_id(&e, 2), 1003);
    for (int64_t i = 4; i <= REVOCATIONS_LISTED + 6; i++)
        ck_assert_int_eq(db_do(c, Q_revocation_append, ARGS(1, 1000 + i)), DONE);
    ck_assert_int_eq(revocation_event(c, &e), DONE);
    ck_assert_uint_eq(e.cursor, start + REVOCATIONS_LISTED + 6);
    ck_assert_uint_eq(e.attempt, REVOCATIONS_LISTED);
    ck_assert_uint_eq(e.size, 8 * REVOCATIONS_LISTED);
    for (uint32_t i = 0; i < e.attempt; i++)
        ck_assert_uint_eq(event_id(&e, i), 1007 + i);
}
END_TEST

/* A connection beside the test's own. */
static struct db *database_open(void)
{
    struct db_config config = {
        .database = getenv("CHATBOT_TEST_DATABASE"),
        .role = "authd",
        .schema = "auth",
        .queries = queries,
    };
    struct db *db = NULL;

    ck_assert_int_eq(db_open(&config, &db), DONE);
    return db;
}

/* Nobody gets the next number before this one can be seen. */
START_TEST(numbers_are_given_out_in_commit_order)
{
    cleanup(rows_drop) struct pg_result *res = NULL;
    struct db *other = database_open();
    uint64_t seq;
    struct event e;

    ck_assert_int_eq(revocation_event(c, &e), DONE);
    seq = e.cursor;
    ck_assert_int_eq(db_do(c, Q_revocation_append, ARGS(1, 1001)), DONE);
    PQclear(PQexec(db_conn(other), "SET lock_timeout = '100ms'"));
    ck_assert_int_eq(db_begin(other), DONE);
    ck_assert_int_eq(db_run(other, Q_revocation_append, ARGS(1, 1002), &res), BUSY);
    db_rollback(other);
    db_rollback(c->db); /* takes its number back with it */
    ck_assert_int_eq(db_begin(other), DONE);
    ck_assert_int_eq(db_run(other, Q_revocation_append, ARGS(1, 1002), &res), DONE);
    db_rollback(other);
    db_close(&other);
    ck_assert_int_eq(db_begin(c->db), DONE);
    ck_assert_int_eq(revocation_event(c, &e), DONE);
    ck_assert_uint_eq(e.cursor, seq);
}
END_TEST

START_TEST(sweep_keeps_what_counts)
{
    int64_t ann = account_make("ann@example.com"), old = session_make("ann@example.com");
    int64_t young = session_make("ann@example.com"), seq;

    ck_assert_int_eq(login_as("ann@example.com", "WrongPass123"), BAD_LOGIN);
    ck_assert_int_eq(logout_as(ann, old), DONE);
    ck_assert_int_eq(session_sweep(c), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM session s JOIN account a ON a.id = s.account_id "
                            "WHERE a.email_key = 'ann@example.com'"),
                     2);
    seq = number("SELECT seq FROM revocation_counter");
    harness_sql(c, "UPDATE session SET expires_at = now() - interval '26 hours' "
                   "WHERE revoked_at IS NOT NULL");
    harness_sql(c, "UPDATE login_failure SET last_at = now() - interval '25 hours'");
    harness_sql(c, "INSERT INTO revocation (seq, account_id, session_id, created_at) "
                   "VALUES (-1, 1, 1, now() - interval '26 hours')");
    ck_assert_int_eq(session_sweep(c), DONE);
    ck_assert_int_eq(session_seq(ann, young), seq);
    ck_assert_int_eq(number("SELECT count(*) FROM session s JOIN account a ON a.id = s.account_id "
                            "WHERE a.email_key = 'ann@example.com'"),
                     1);
    ck_assert_int_eq(number("SELECT count(*) FROM revocation WHERE seq = -1"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM revocation WHERE created_at = now()"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM login_failure"), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, register_answers_the_account);
    tcase_add_test(tests, register_taken);
    tcase_add_test(tests, register_refused);
    tcase_add_test(tests, login_answers_a_token);
    tcase_add_test(tests, login_failures_look_alike);
    tcase_add_test(tests, login_disabled);
    tcase_add_test(tests, login_rehashes_when_the_cost_rose);
    tcase_add_test(tests, login_with_an_old_hash);
    tcase_add_test(tests, login_while_the_password_changes);
    tcase_add_test(tests, logout_revokes);
    tcase_add_test(tests, session_expires);
    tcase_add_test(tests, session_limit_ends_the_oldest);
    tcase_add_test(tests, event_of_nothing);
    tcase_add_test(tests, event_lists_the_newest);
    tcase_add_test(tests, numbers_are_given_out_in_commit_order);
    tcase_add_test(tests, sweep_keeps_what_counts);
    return check_run("authd", tests);
}
