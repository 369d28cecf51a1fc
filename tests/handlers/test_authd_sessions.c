/* authd's sessions on a real database: renewed, listed, ended. */
#include "tests/handlers/authd_rig.h"

#define AGENT "Browser/1.0 (test)"

static const char *login_token(const char *email)
{
    ck_assert_int_eq(login_as(email, PASSWORD), DONE);
    return strdup(reply_str(c, "refresh_token"));
}

static int refresh_with(const char *token, bool cookie)
{
    struct session_refresh_in in = {0};

    c = harness_call(OP_session_refresh, 0);
    if (cookie) {
        in.cookie = token;
        in.has_cookie = true;
    } else {
        in.refresh_token = token;
        in.has_refresh_token = true;
    }
    return session_refresh(c, &in);
}

START_TEST(a_refresh_token_is_exchanged_once)
{
    int64_t ann = account_make("ann@example.com");
    cleanup(free_drop) char *first = (char *)login_token("ann@example.com"), *second = NULL;
    struct token_claims before = reply_claims(), after;

    harness_sql(c, "UPDATE session SET expires_at = now() + interval '1 day', client = 'x'");
    ck_assert_int_eq(refresh_with(first, false), DONE);
    second = strdup(reply_str(c, "refresh_token"));
    after = reply_claims();
    ck_assert_str_ne(first, second);
    ck_assert_int_eq(after.account, ann);
    ck_assert_int_eq(after.session, before.session);
    ck_assert_int_eq(after.expires - after.issued, 3600);
    ck_assert_int_eq(number("SELECT count(*) FROM session WHERE client = '127.0.0.1' "
                            "AND expires_at > now() + interval '29 days'"),
                     1);
    ck_assert_int_eq(refresh_with(second, false), DONE);
    ck_assert_str_ne(reply_str(c, "refresh_token"), second);
}
END_TEST

/* A lost answer, or two tabs at once: the same successor, and the session goes on. */
START_TEST(a_repeat_at_once_gets_the_same_token)
{
    int64_t ann = account_make("ann@example.com"), session;
    cleanup(free_drop) char *first = (char *)login_token("ann@example.com"), *second = NULL;

    session = reply_claims().session;
    ck_assert_int_eq(refresh_with(first, false), DONE);
    second = strdup(reply_str(c, "refresh_token"));
    for (int i = 0; i < 3; i++) {
        harness_sql(c, "UPDATE session SET rotated_at = rotated_at - interval '9 seconds'");
        ck_assert_int_eq(refresh_with(first, false), DONE);
        ck_assert_str_eq(reply_str(c, "refresh_token"), second);
    }
    ck_assert_int_ge(session_seq(ann, session), 0);
    harness_sql(c, "UPDATE session SET rotated_at = rotated_at - interval '4 seconds'");
    ck_assert_int_eq(refresh_with(first, false), UNAUTHORIZED);
    ck_assert_int_eq(session_seq(ann, session), -1);
    ck_assert_int_eq(refresh_with(second, false), UNAUTHORIZED);
}
END_TEST

/* Whoever stole a token, or was stolen from, ends the family by using it. */
START_TEST(an_older_token_ends_the_family)
{
    int64_t ann = account_make("ann@example.com"), stolen, other, seq;
    cleanup(free_drop) char *first = (char *)login_token("ann@example.com"), *third = NULL;

    stolen = reply_claims().session;
    other = session_make("ann@example.com");
    seq = session_seq(ann, other);
    ck_assert_int_eq(refresh_with(first, false), DONE);
    third = strdup(reply_str(c, "refresh_token"));
    ck_assert_int_eq(refresh_with(third, false), DONE);
    free(third);
    third = strdup(reply_str(c, "refresh_token"));
    ck_assert_int_eq(refresh_with(first, false), UNAUTHORIZED); /* two exchanges ago */
    ck_assert_uint_eq(c->out.size, 0);
    ck_assert_int_eq(session_seq(ann, stolen), -1);
    ck_assert_int_eq(refresh_with(third, false), UNAUTHORIZED);
    ck_assert_int_eq(session_seq(ann, other), seq + 1); /* told to the gateways, once */
}
END_TEST

START_TEST(what_is_no_refresh_token)
{
    struct session_refresh_in none = {0}, both = {.has_cookie = true, .has_refresh_token = true};
    int64_t ann = account_make("ann@example.com");
    cleanup(free_drop) char *good = (char *)login_token("ann@example.com");
    int64_t session = reply_claims().session;
    struct refresh_token forged, read;

    c = harness_call(OP_session_refresh, 0);
    ck_assert_int_eq(session_refresh(c, &none), UNAUTHORIZED);
    both.cookie = both.refresh_token = good;
    ck_assert_int_eq(session_refresh(c, &both), BAD_INPUT);
    refresh_token_new(&forged);
    ck_assert_int_eq(refresh_with(forged.text, false), UNAUTHORIZED);
    ck_assert_int_eq(refresh_with("", false), UNAUTHORIZED);
    ck_assert_int_eq(refresh_with("' OR true --", false), UNAUTHORIZED);
    ck_assert(refresh_token_read(good, &read));
    ck_assert_int_ge(session_seq(ann, session), 0);
    /* a body's token is none of a cookie's */
    ck_assert_int_eq(refresh_with(good, true), UNAUTHORIZED);
    ck_assert_int_ge(session_seq(ann, session), 0);
    ck_assert_int_eq(refresh_with(good, false), DONE);
}
END_TEST

START_TEST(sessions_have_two_ends)
{
    account_make("ann@example.com");
    cleanup(free_drop) char *idle = (char *)login_token("ann@example.com"), *old = NULL;

    harness_sql(c, "UPDATE session SET expires_at = now() - interval '1 second'");
    ck_assert_int_eq(refresh_with(idle, false), UNAUTHORIZED);
    old = (char *)login_token("ann@example.com");
    harness_sql(c, "UPDATE session SET created_at = now() - interval '80 days' "
                   "WHERE expires_at > now()");
    ck_assert_int_eq(refresh_with(old, false), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM session WHERE expires_at > now() "
                            "AND expires_at = created_at + interval '90 days'"),
                     1);
}
END_TEST

START_TEST(a_disabled_account_renews_nothing)
{
    account_make("ann@example.com");
    cleanup(free_drop) char *token = (char *)login_token("ann@example.com");

    harness_sql(c, "UPDATE account SET disabled = true WHERE email_key = 'ann@example.com'");
    ck_assert_int_eq(refresh_with(token, false), UNAUTHORIZED);
}
END_TEST

static int login_page(bool own_page)
{
    struct user_login_in in = {.email = "ann@example.com",
                               .password = PASSWORD,
                               .has_cookie = true,
                               .cookie = true,
                               .has_user_agent = true,
                               .user_agent = AGENT,
                               .has_own_page = own_page,
                               .own_page = own_page};
    int r;

    c = harness_call(OP_user_login, 0);
    r = user_login_prepare(c, &in);
    return r ? r : user_login(c, &in);
}

/* The console revokes the key that this process still has at hand. */
START_TEST(a_revoked_key_signs_no_more)
{
    char kid[KID_SIZE];

    account_make("ada@example.org");
    session_make("ada@example.org");
    memcpy(kid, state.key->kid, sizeof kid);
    ck_assert_int_eq(signing_key_add(c->db, SECRET, "", 0, true), DONE);
    session_make("ada@example.org"); /* verifies with the key that signs now */
    ck_assert_str_ne(state.key->kid, kid);
}
END_TEST

START_TEST(a_page_gets_a_cookie_and_a_short_token)
{
    cleanup(free_drop) char *cookie = NULL;
    struct token_claims claims;

    account_make("ann@example.com");
    ck_assert_int_eq(login_page(false), BAD_INPUT);
    ck_assert_str_eq(c->field, "cookie");
    ck_assert_int_eq(login_page(true), DONE);
    claims = reply_claims();
    ck_assert_int_eq(claims.expires - claims.issued, 600);
    ck_assert(reply_is_null(c, "refresh_token"));
    cookie = strdup(c->cookie);
    ck_assert_ptr_null(strstr(c->out.data, cookie));
    ck_assert_int_eq(refresh_with(cookie, false), UNAUTHORIZED); /* not in a body */
    ck_assert_int_eq(refresh_with(cookie, true), DONE);
    ck_assert(reply_is_null(c, "refresh_token"));
    ck_assert_str_ne(c->cookie, cookie);
    claims = reply_claims();
    ck_assert_int_eq(claims.expires - claims.issued, 600);
    harness_sql(c, "UPDATE session SET rotated_at = rotated_at - interval '1 minute'");
    ck_assert_int_eq(refresh_with(cookie, true), UNAUTHORIZED);
    ck_assert_str_eq(c->cookie, "-");
}
END_TEST

static int list_as(int64_t account, int64_t session)
{
    c = harness_call(OP_session_list, account);
    return harness_fast(c, Q_session_list, LIST_LIMIT, 3,
                        (struct arg[]){arg_str(NULL), arg_str(NULL), arg_i64(session)});
}

START_TEST(the_list_tells_where_one_is_logged_in)
{
    int64_t ann = account_make("ann@example.com"), bob = account_make("bob@example.com"), one, two;
    struct json_object *list, *row;

    one = session_make("ann@example.com");
    ck_assert_int_eq(login_page(true), DONE);
    two = reply_claims().session;
    session_make("bob@example.com");
    ck_assert_int_eq(list_as(ann, two), DONE);
    list = harness_reply(c);
    ck_assert_uint_eq(json_object_array_length(list), 2);
    row = json_object_array_get_idx(list, 0);
    ck_assert_int_eq(json_i64(row, "id", 0), one);
    ck_assert(!json_flag(row, "current", true));
    ck_assert_str_eq(json_str(row, "device", "?"), "");
    row = json_object_array_get_idx(list, 1);
    ck_assert_int_eq(json_i64(row, "id", 0), two);
    ck_assert(json_flag(row, "current", false));
    ck_assert_str_eq(json_str(row, "device", ""), AGENT);
    ck_assert_str_eq(json_str(row, "address", ""), "127.0.0.1");
    ck_assert_ptr_null(strstr(c->out.data, "hash"));
    ck_assert_int_eq(list_as(bob, 0), DONE);
    ck_assert_uint_eq(json_object_array_length(harness_reply(c)), 1);
}
END_TEST

static int end_as(int64_t account, int64_t session)
{
    struct session_end_in in = {.session_id = session};

    c = harness_call(OP_session_end, account);
    return session_end(c, &in);
}

START_TEST(one_is_ended_by_its_owner)
{
    int64_t ann = account_make("ann@example.com"), bob = account_make("bob@example.com");
    int64_t one = session_make("ann@example.com"), two = session_make("ann@example.com");
    int64_t seq = session_seq(ann, two);

    ck_assert_int_eq(end_as(bob, one), NOT_FOUND);
    ck_assert_int_ge(session_seq(ann, one), 0);
    ck_assert_int_eq(end_as(ann, one), DONE);
    ck_assert_int_eq(session_seq(ann, one), -1);
    ck_assert_int_eq(session_seq(ann, two), seq + 1);
    ck_assert_int_eq(end_as(ann, one), NOT_FOUND);
}
END_TEST

START_TEST(all_others_are_ended)
{
    int64_t ann = account_make("ann@example.com"), bob = account_make("bob@example.com");
    int64_t one = session_make("ann@example.com"), two = session_make("ann@example.com");
    int64_t three = session_make("ann@example.com"), his = session_make("bob@example.com");
    int64_t seq = session_seq(ann, two);
    struct session_end_others_in in = {};

    c = harness_call(OP_session_end_others, ann);
    c->session = two;
    ck_assert_int_eq(session_end_others(c, &in), DONE);
    ck_assert_int_eq(session_seq(ann, one), -1);
    ck_assert_int_eq(session_seq(ann, three), -1);
    ck_assert_int_eq(session_seq(ann, two), seq + 2);
    ck_assert_int_eq(session_seq(bob, his), seq + 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_sessions");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_refresh_token_is_exchanged_once);
    tcase_add_test(tests, a_repeat_at_once_gets_the_same_token);
    tcase_add_test(tests, an_older_token_ends_the_family);
    tcase_add_test(tests, what_is_no_refresh_token);
    tcase_add_test(tests, sessions_have_two_ends);
    tcase_add_test(tests, a_disabled_account_renews_nothing);
    tcase_add_test(tests, a_revoked_key_signs_no_more);
    tcase_add_test(tests, a_page_gets_a_cookie_and_a_short_token);
    tcase_add_test(tests, the_list_tells_where_one_is_logged_in);
    tcase_add_test(tests, one_is_ended_by_its_owner);
    tcase_add_test(tests, all_others_are_ended);
    return check_run("authd_sessions", tests);
}
