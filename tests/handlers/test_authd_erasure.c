/* authd's deletion of accounts on a real database. */
#include "authd/erasure.h"
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"

static int64_t ann;

static int delete_with(const char *password, const char *hash_instead)
{
    struct user_delete_in in = {.password = password};
    int r;

    c = harness_call(OP_user_delete, ann);
    r = user_delete_prepare(c, &in);
    if (!r && hash_instead)
        c->prepared = (void *)hash_instead;
    return r ? r : user_delete(c, &in);
}

static int delete_as(int64_t admin, int64_t account)
{
    struct account_delete_in in = {.user_id = account};

    c = harness_call(OP_account_delete, admin);
    return account_delete(c, &in);
}

static const char *part(const char *receipt, const char *name)
{
    c = harness_call(OP_erasure_get, 0);
    ck_assert_int_eq(harness_fast(c, Q_erasure_get, 0, ARGS(receipt)), DONE);
    return json_str(json_member(harness_reply(c), "parts"), name, "?");
}

static void begin_ann(void)
{
    begin();
    ann = account_make(EMAIL);
}

static void make_admin(int64_t account)
{
    char sql[120];

    snprintf(sql, sizeof sql, "UPDATE account SET role = 'admin' WHERE id = %lld RETURNING 1",
             (long long)account);
    harness_sql(c, sql);
}

START_TEST(nothing_of_it_stays_here)
{
    int64_t session = session_make(EMAIL);
    cleanup(free_drop) char *receipt = NULL;
    struct apikey_create_in key = {.name = "robot", .scopes = "read"};

    c = harness_call(OP_apikey_create, ann);
    ck_assert_int_eq(apikey_create(c, &key), DONE);
    login_as(EMAIL, "wrong");
    harness_sql(c, "INSERT INTO invite (token_hash, email_key, created_by, expires_at) VALUES "
                   "(sha256('a'), 'ann@example.com', 0, now()), (sha256('b'), NULL, "
                   "(SELECT max(id) FROM account), now()) RETURNING 1");
    ck_assert_int_eq(delete_with(PASSWORD, NULL), DONE);
    receipt = strdup(reply_str(c, "receipt"));
    ck_assert_str_eq(reply_str(c, "state"), "erasing");
    ck_assert(reply_is_null(c, "erased_at"));
    ck_assert_ptr_nonnull(strstr(c->location, receipt));
    ck_assert_str_eq(c->cookie, "-");
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE email_key = 'ann@example.com'"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM invite WHERE expires_at = now()"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM login_failure WHERE address_digest = "
                            "sha256('ann@example.com')"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM apikey WHERE name = 'robot'"), 0);
    ck_assert_int_eq(session_seq(ann, session), -1);
    ck_assert_int_eq(number("SELECT count(*) FROM (SELECT session_id FROM revocation ORDER BY seq "
                            "DESC LIMIT 2) r"),
                     2);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(delete_with(PASSWORD, NULL), UNAUTHORIZED);
    /* the address is somebody else's from now on */
    ck_assert_int_ne(account_make(EMAIL), ann);
    ck_assert_str_eq(part(receipt, "auth"), "erased");
}
END_TEST

START_TEST(the_receipt_follows_what_is_owed)
{
    cleanup(free_drop) char *receipt = NULL;

    ck_assert_int_eq(delete_with(PASSWORD, NULL), DONE);
    receipt = strdup(reply_str(c, "receipt"));
    ck_assert_int_eq(erasure_tick(c), DONE);
    for (const char *const *p = (const char *const[]){"project", "chat", "file", "provider", NULL};
         *p; p++)
        ck_assert_str_eq(part(receipt, *p), "erasing");
    harness_sql(c, "DELETE FROM outbox WHERE op = 'chat_account_erase' RETURNING 1");
    ck_assert_int_eq(erasure_tick(c), DONE);
    ck_assert_str_eq(part(receipt, "chat"), "erased");
    ck_assert_str_eq(part(receipt, "provider"), "erasing");
    ck_assert_str_eq(reply_str(c, "state"), "erasing");
    /* one that was given up is still owed */
    harness_sql(c, "UPDATE outbox SET parked_at = now() RETURNING 1");
    ck_assert_int_eq(erasure_tick(c), DONE);
    ck_assert_str_eq(part(receipt, "project"), "erasing");
    harness_sql(c, "DELETE FROM outbox WHERE object LIKE '% of account:%' RETURNING 1");
    ck_assert_int_eq(erasure_tick(c), DONE);
    ck_assert_str_eq(part(receipt, "provider"), "erased");
    ck_assert_str_eq(reply_str(c, "state"), "erased");
    ck_assert(!reply_is_null(c, "erased_at"));
    /* for 30 days */
    harness_sql(c, "UPDATE erasure SET erased_at = now() - interval '29 days' RETURNING 1");
    ck_assert_int_eq(session_sweep(c), DONE);
    ck_assert_str_eq(part(receipt, "chat"), "erased");
    harness_sql(c, "UPDATE erasure SET erased_at = now() - interval '31 days' RETURNING 1");
    ck_assert_int_eq(session_sweep(c), DONE);
    c = harness_call(OP_erasure_get, 0);
    ck_assert_int_eq(harness_fast(c, Q_erasure_get, 0, ARGS((const char *)receipt)), NOT_FOUND);
}
END_TEST

START_TEST(the_password_is_asked_for)
{
    ck_assert_int_eq(delete_with("Wrong-password-1", NULL), BAD_INPUT);
    ck_assert_str_eq(c->field, "password");
    /* it was changed between the look at it and the deletion */
    ck_assert_int_eq(delete_with(PASSWORD, "another hash"), CONFLICT);
    for (int i = 0; i < 10; i++)
        delete_with("Wrong-password-1", NULL);
    ck_assert_int_eq(delete_with(PASSWORD, NULL), RATE_LIMITED);
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE email_key = 'ann@example.com'"), 1);
}
END_TEST

START_TEST(an_admin_stays)
{
    int64_t bob = account_make("bob@example.com"), carol = account_make("carol@example.com");

    harness_sql(c, "UPDATE account SET disabled = true WHERE role = 'admin' RETURNING 1");
    ck_assert_int_eq(delete_as(bob, carol), FORBIDDEN);
    make_admin(ann);
    ck_assert_int_eq(delete_as(ann, ann), CONFLICT);
    ck_assert_int_eq(delete_with(PASSWORD, NULL), CONFLICT);
    ck_assert_int_eq(delete_as(ann, carol), DONE);
    ck_assert_int_eq(delete_as(ann, carol), NOT_FOUND);
    make_admin(bob);
    ck_assert_int_eq(delete_with(PASSWORD, NULL), DONE);
    c = harness_call(OP_user_delete, 0); /* the console */
    ck_assert_int_eq(account_erase(c, bob, NULL), DONE);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("erasure");

    tcase_add_checked_fixture(t, begin_ann, end);
    tcase_add_test(t, nothing_of_it_stays_here);
    tcase_add_test(t, the_receipt_follows_what_is_owed);
    tcase_add_test(t, the_password_is_asked_for);
    tcase_add_test(t, an_admin_stays);
    return check_run("authd_erasure", t);
}
