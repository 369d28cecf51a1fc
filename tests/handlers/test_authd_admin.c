/* authd's administration on a real database: who may, what it does, registration's rules. */
#include "authd/admin.h"
#include "authd/registration.h"
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"

static int64_t admin;

static void begin_admin(void)
{
    begin();
    admin = account_make("root@example.com");
    harness_sql(c, "UPDATE account SET role = 'admin' WHERE email_key = 'root@example.com'");
}

static int update_as(int64_t caller, int64_t account, const bool *disabled, const char *role)
{
    struct account_update_in in = {.user_id = account,
                                   .has_disabled = disabled != NULL,
                                   .disabled = disabled && *disabled,
                                   .has_role = role != NULL,
                                   .role = role};

    c = harness_call(OP_account_update, caller);
    return account_update(c, &in);
}

static int list_as(int64_t caller, const char *q)
{
    c = harness_call(OP_account_list, caller);
    return harness_fast(c, Q_account_list, LIST_LIMIT, 3,
                        (struct arg[]){arg_str(q), arg_str(NULL), arg_str(NULL)});
}

START_TEST(accounts_are_found_by_the_beginning_of_their_address)
{
    struct json_object *row;
    int64_t ann = account_make("Ann_x@example.com");

    account_make("annex@example.com");
    session_make("annex@example.com");
    ck_assert_int_eq(list_as(admin, "ANN"), DONE);
    ck_assert_uint_eq(json_object_array_length(harness_reply(c)), 2);
    ck_assert_ptr_null(strstr(c->out.data, "argon2"));
    ck_assert_int_eq(list_as(admin, "ann_"), DONE); /* no pattern */
    ck_assert_uint_eq(json_object_array_length(harness_reply(c)), 1);
    row = json_object_array_get_idx(harness_reply(c), 0);
    ck_assert_int_eq(json_i64(row, "id", 0), ann);
    ck_assert_int_eq(json_i64(row, "sessions", -1), 0);
    ck_assert_int_eq(list_as(admin, "%"), DONE);
    ck_assert_uint_eq(json_object_array_length(harness_reply(c)), 0);
    /* who is no admin in the database is none, whatever the gateway says */
    ck_assert_int_eq(list_as(ann, NULL), DONE);
    ck_assert_uint_eq(json_object_array_length(harness_reply(c)), 0);
}
END_TEST

START_TEST(nobody_else_may)
{
    const bool yes = true;
    int64_t ann = account_make(EMAIL), bob = account_make("bob@example.com");
    struct account_reset_in reset = {.user_id = bob};
    struct account_sessions_end_in end_in = {.user_id = bob};
    struct invite_create_in invite = {0};
    struct setting_get_in get = {};
    struct setting_update_in set = {.has_registration = true, .registration = "closed"};

    ck_assert_int_eq(update_as(ann, bob, &yes, NULL), FORBIDDEN);
    c = harness_call(OP_account_reset, ann);
    ck_assert_int_eq(account_reset(c, &reset), FORBIDDEN);
    ck_assert_int_eq(account_sessions_end(c, &end_in), FORBIDDEN);
    ck_assert_int_eq(invite_create(c, &invite), FORBIDDEN);
    ck_assert_int_eq(setting_get(c, &get), FORBIDDEN);
    ck_assert_int_eq(setting_update(c, &set), FORBIDDEN);
    harness_sql(c, "UPDATE account SET disabled = true WHERE email_key = 'root@example.com'");
    ck_assert_int_eq(update_as(admin, bob, &yes, NULL), FORBIDDEN);
}
END_TEST

START_TEST(disabled_is_out_and_can_come_back)
{
    const bool yes = true, no = false;
    int64_t ann = account_make(EMAIL), session = session_make(EMAIL), key, seq;
    struct apikey_create_in in = {.name = "robot", .scopes = "read"};

    c = harness_call(OP_apikey_create, ann);
    ck_assert_int_eq(apikey_create(c, &in), DONE);
    key = reply_i64(c, "id");
    seq = session_seq(ann, session);
    ck_assert_int_eq(update_as(admin, ann, &yes, NULL), DONE);
    ck_assert(json_flag(harness_reply(c), "disabled", false));
    ck_assert_int_eq(reply_i64(c, "sessions"), 0);
    ck_assert_int_eq(session_seq(ann, session), -1);
    ck_assert_int_eq(session_seq(ann, -key), -1);
    ck_assert_int_eq(number("SELECT seq FROM revocation_counter"), seq + 2);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), FORBIDDEN);
    ck_assert_int_eq(update_as(admin, ann, &no, NULL), DONE);
    ck_assert_int_eq(session_seq(ann, session), -1); /* ended is ended */
    ck_assert_int_ge(session_seq(ann, -key), 0);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), DONE);
    ck_assert_int_eq(update_as(admin, admin, &yes, NULL), CONFLICT);
    ck_assert_int_eq(update_as(admin, INT64_MAX, &yes, NULL), NOT_FOUND);
}
END_TEST

/* Gateways remember roles: they are told to ask again. */
START_TEST(a_role_is_news_for_gateways)
{
    int64_t ann = account_make(EMAIL), session = session_make(EMAIL);
    int64_t seq = session_seq(ann, session);

    ck_assert_int_eq(update_as(admin, ann, NULL, "root"), BAD_INPUT);
    ck_assert_int_eq(update_as(admin, ann, NULL, "admin"), DONE);
    ck_assert_int_eq(number("SELECT seq FROM revocation_counter"), seq + 1);
    c = harness_call(OP_session_check, ann);
    ck_assert_int_eq(harness_fast(c, Q_session_check, 1, ARGS(session)), DONE);
    ck_assert_str_eq(reply_str(c, "role"), "admin");
    ck_assert_int_eq(list_as(ann, NULL), DONE);
    ck_assert_uint_ge(json_object_array_length(harness_reply(c)), 2);
}
END_TEST

static int confirm(const char *token, const char *password)
{
    struct password_reset_confirm_in in = {.token = token, .password = password};
    int r;

    c = harness_call(OP_password_reset_confirm, 0);
    r = password_reset_confirm_prepare(c, &in);
    return r ? r : password_reset_confirm(c, &in);
}

static char *reset_make(int64_t account)
{
    struct account_reset_in in = {.user_id = account};

    c = harness_call(OP_account_reset, admin);
    ck_assert_int_eq(account_reset(c, &in), DONE);
    return strdup(reply_str(c, "token"));
}

START_TEST(a_reset_voids_the_password_until_a_new_one_is_set)
{
    int64_t ann = account_make(EMAIL), session = session_make(EMAIL), other;
    cleanup(free_drop) char *old = reset_make(ann), *token = reset_make(ann);

    ck_assert_uint_eq(strlen(token), 43);
    ck_assert_int_eq(session_seq(ann, session), -1);
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), FORBIDDEN);
    ck_assert_int_eq(login_as(EMAIL, "WrongPass123"), BAD_LOGIN);
    ck_assert_int_eq(confirm(old, "OtherPass456"), BAD_INPUT); /* the newer one took its place */
    ck_assert_int_eq(confirm("", "OtherPass456"), BAD_INPUT);
    ck_assert_int_eq(confirm(token, "Password1"), BAD_INPUT);
    ck_assert_str_eq(c->field, "password");
    ck_assert_int_eq(confirm(token, "OtherPass456"), DONE);
    ck_assert_int_eq(confirm(token, "ThirdPass789"), BAD_INPUT);
    ck_assert_str_eq(c->field, "token");
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(login_as(EMAIL, "OtherPass456"), DONE);
    other = reply_claims().session;
    free(token);
    token = reset_make(ann);
    ck_assert_int_eq(session_seq(ann, other), -1);
    harness_sql(c, "UPDATE reset_token SET expires_at = expires_at - interval '10 minutes'");
    ck_assert_int_eq(confirm(token, "ThirdPass789"), BAD_INPUT);
}
END_TEST

static int register_with(const char *email, const char *invite)
{
    struct user_register_in in = {
        .email = email, .password = PASSWORD, .has_invite = invite != NULL, .invite = invite};
    int r;

    c = harness_call(OP_user_register, 0);
    r = user_register_prepare(c, &in);
    return r ? r : user_register(c, &in);
}

static char *invite_for(const char *email)
{
    struct invite_create_in in = {.has_email = email != NULL, .email = email};

    c = harness_call(OP_invite_create, admin);
    ck_assert_int_eq(invite_create(c, &in), DONE);
    return strdup(reply_str(c, "token"));
}

START_TEST(invitations_work_once)
{
    cleanup(free_drop) char *any = NULL, *hers = NULL, *late = NULL;

    state.registration = "invite";
    any = invite_for(NULL);
    hers = invite_for("Her@example.com");
    late = invite_for(NULL);
    ck_assert_int_eq(register_with(EMAIL, NULL), FORBIDDEN);
    ck_assert_str_eq(c->field, "invite");
    ck_assert_int_eq(register_with(EMAIL, "nope"), BAD_INPUT);
    ck_assert_int_eq(register_with(EMAIL, hers), BAD_INPUT);
    ck_assert_int_eq(register_with(EMAIL, any), DONE);
    ck_assert_int_eq(register_with("bob@example.com", any), BAD_INPUT);
    ck_assert_int_eq(register_with("hER@example.com", hers), DONE);
    harness_sql(c, "UPDATE invite SET expires_at = now()");
    ck_assert_int_eq(register_with("bob@example.com", late), BAD_INPUT);
    state.registration = "closed";
    ck_assert_int_eq(register_with("bob@example.com", late), FORBIDDEN);
}
END_TEST

START_TEST(domains)
{
    cleanup(free_drop) char *any = invite_for(NULL);

    state.registration_domains = "example.com,Example.ORG";
    ck_assert_int_eq(register_with("a@example.com", NULL), DONE);
    ck_assert_int_eq(register_with("a@EXAMPLE.org", NULL), DONE);
    ck_assert_int_eq(register_with("a@sub.example.com", NULL), FORBIDDEN);
    ck_assert_int_eq(register_with("a@example.com.evil.net", NULL), FORBIDDEN);
    ck_assert_int_eq(register_with("a@ample.com", NULL), FORBIDDEN);
    ck_assert_str_eq(c->field, "email");
    ck_assert_int_eq(register_with("a@elsewhere.net", any), DONE); /* invited */
    ck_assert(registration_is_domains(""));
    ck_assert(registration_is_domains("a.example,b.example"));
    ck_assert(!registration_is_domains("a.example,"));
    ck_assert(!registration_is_domains(",a"));
    ck_assert(!registration_is_domains("a b"));
    ck_assert(!registration_is_domains(".a"));
}
END_TEST

static int settings_set(const struct setting_update_in *in)
{
    c = harness_call(OP_setting_update, admin);
    return setting_update(c, in);
}

START_TEST(settings_override_the_file)
{
    struct setting_update_in closed = {.has_registration = true, .registration = "closed"};
    struct setting_update_in wrong = {.has_registration = true, .registration = "ajar"};
    struct setting_update_in bad = {.has_registration_domains = true,
                                    .registration_domains = "x y"};
    struct setting_update_in back = {.has_registration = true, .null_registration = true};

    ck_assert_int_eq(settings_set(&wrong), BAD_INPUT);
    ck_assert_int_eq(settings_set(&bad), BAD_INPUT);
    ck_assert_int_eq(settings_set(&closed), DONE);
    ck_assert_str_eq(reply_str(c, "registration"), "closed");
    ck_assert_int_eq(register_with(EMAIL, NULL), FORBIDDEN);
    ck_assert_int_eq(settings_set(&back), DONE);
    ck_assert_str_eq(reply_str(c, "registration"), "open");
    ck_assert_int_eq(register_with(EMAIL, NULL), DONE);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_admin");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin_admin, end);
    tcase_add_test(tests, accounts_are_found_by_the_beginning_of_their_address);
    tcase_add_test(tests, nobody_else_may);
    tcase_add_test(tests, disabled_is_out_and_can_come_back);
    tcase_add_test(tests, a_role_is_news_for_gateways);
    tcase_add_test(tests, a_reset_voids_the_password_until_a_new_one_is_set);
    tcase_add_test(tests, invitations_work_once);
    tcase_add_test(tests, domains);
    tcase_add_test(tests, settings_override_the_file);
    return check_run("authd_admin", tests);
}
