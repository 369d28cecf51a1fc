/* authd's API keys on a real database. */
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"

static int key_make(int64_t account, const char *scopes)
{
    struct apikey_create_in in = {.name = "robot", .scopes = scopes};

    c = harness_call(OP_apikey_create, account);
    return apikey_create(c, &in);
}

/* What a gateway asks for a key. */
static int check(const char *key)
{
    unsigned char digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];
    struct apikey_check_in in = {.digest = hex};

    digest_sha256(key, strlen(key), digest);
    hex_encode(digest, sizeof digest, hex);
    c = harness_call(OP_apikey_check, 0);
    return apikey_check(c, &in);
}

static int delete_as(int64_t account, int64_t key)
{
    struct apikey_delete_in in = {.key_id = key};

    c = harness_call(OP_apikey_delete, account);
    return apikey_delete(c, &in);
}

START_TEST(a_key_is_told_once_and_stored_as_a_digest)
{
    int64_t ann = account_make(EMAIL), id;
    cleanup(free_drop) char *key = NULL;
    struct apikey_create_in in = {.name = "robot",
                                  .scopes = "read chat",
                                  .has_project_id = true,
                                  .project_id = 7,
                                  .has_days = true,
                                  .days = 30,
                                  .has_rate = true,
                                  .rate = 5};

    c = harness_call(OP_apikey_create, ann);
    ck_assert_int_eq(apikey_create(c, &in), DONE);
    key = strdup(reply_str(c, "key"));
    id = reply_i64(c, "id");
    ck_assert_uint_eq(strlen(key), 47);
    ck_assert_int_eq(strncmp(key, "cbk_", 4), 0);
    ck_assert_int_eq(reply_i64(c, "project_id"), 7);
    ck_assert_int_eq(
        number("SELECT count(*) FROM apikey WHERE to_jsonb(apikey)::text LIKE '%cbk_%' "
               "AND length(hint) = 8"),
        1);
    c = harness_call(OP_apikey_list, ann);
    ck_assert_int_eq(harness_fast(c, Q_apikey_list, LIST_LIMIT, ARGS(arg_str(NULL), arg_str(NULL))),
                     DONE);
    ck_assert_ptr_null(strstr(c->out.data, key));
    ck_assert_int_eq(check(key), DONE);
    ck_assert_int_eq(reply_i64(c, "id"), id);
    ck_assert_int_eq(reply_i64(c, "user_id"), ann);
    ck_assert_str_eq(reply_str(c, "scopes"), "read chat");
    ck_assert_int_eq(reply_i64(c, "project_id"), 7);
    ck_assert_int_eq(reply_i64(c, "rate"), 5);
    ck_assert_int_le(reply_i64(c, "expires"), time(NULL) + 61);
    ck_assert_int_eq(number("SELECT count(*) FROM apikey WHERE last_used_at = now()"), 1);
}
END_TEST

START_TEST(what_ends_a_key)
{
    int64_t ann = account_make(EMAIL), bob = account_make("bob@example.com"), id, seq;
    cleanup(free_drop) char *key = NULL;

    ck_assert_int_eq(key_make(ann, "read"), DONE);
    key = strdup(reply_str(c, "key"));
    id = reply_i64(c, "id");
    ck_assert(reply_is_null(c, "expires_at"));
    seq = session_seq(ann, -id);
    ck_assert_int_ge(seq, 0);
    ck_assert_int_eq(session_seq(bob, -id), -1);
    harness_sql(c, "UPDATE account SET disabled = true WHERE email_key = '" EMAIL "'");
    ck_assert_int_eq(check(key), NOT_FOUND);
    ck_assert_int_eq(session_seq(ann, -id), -1);
    harness_sql(c, "UPDATE account SET disabled = false WHERE email_key = '" EMAIL "'");
    harness_sql(c, "UPDATE apikey SET expires_at = now() - interval '1 second'");
    ck_assert_int_eq(check(key), NOT_FOUND);
    ck_assert_int_eq(session_seq(ann, -id), -1);
    harness_sql(c, "UPDATE apikey SET expires_at = now() + interval '9 seconds'");
    ck_assert_int_eq(check(key), DONE);
    ck_assert_int_le(reply_i64(c, "expires"), time(NULL) + 10);
    ck_assert_int_eq(delete_as(bob, id), NOT_FOUND);
    ck_assert_int_eq(check(key), DONE);
    ck_assert_int_eq(delete_as(ann, id), DONE);
    ck_assert_int_eq(check(key), NOT_FOUND);
    ck_assert_int_eq(session_seq(ann, -id), -1);
    ck_assert_int_eq(number("SELECT seq FROM revocation_counter"), seq + 1);
    ck_assert_int_eq(number("SELECT session_id FROM revocation ORDER BY seq DESC LIMIT 1"), -id);
    ck_assert_int_eq(delete_as(ann, id), NOT_FOUND);
    ck_assert_int_eq(check("cbk_nope"), NOT_FOUND);
}
END_TEST

START_TEST(scopes_and_limits)
{
    static const char *const wrong[] = {"", "write", "read write", "read,chat", "read read"};
    int64_t ann = account_make(EMAIL);

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(key_make(ann, wrong[i]), BAD_INPUT);
        ck_assert_str_eq(c->field, "scopes");
    }
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(key_make(ann, "read"), DONE);
    ck_assert_int_eq(key_make(ann, "read"), LIMIT_REACHED);
    harness_sql(c, "UPDATE apikey SET expires_at = now() WHERE id = (SELECT min(id) FROM apikey)");
    ck_assert_int_eq(key_make(ann, "read"), DONE);
    ck_assert_int_eq(key_make(ann, "read"), LIMIT_REACHED);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_apikeys");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_key_is_told_once_and_stored_as_a_digest);
    tcase_add_test(tests, what_ends_a_key);
    tcase_add_test(tests, scopes_and_limits);
    return check_run("authd_apikeys", tests);
}
