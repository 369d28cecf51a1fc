/* authd's second factor on a real database: turned on, asked for, used once, lost, sealed anew. */
#include <unistd.h>

#include "authd/recovery_code.h"
#include "authd/second_factor.h"
#include "authd/totp.h"
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"
#define NEXT  "fedcba9876543210fedcba9876543210"

static int64_t ann;
static struct totp_secret app; /* what her app knows */

static void begin_totp(void)
{
    while (time(NULL) % TOTP_STEP_S >= TOTP_STEP_S - 4) /* one test, one step */
        sleep(1);
    begin();
    ann = account_make(EMAIL);
}

static int step_now(void)
{
    return (int)(time(NULL) / TOTP_STEP_S);
}

/* The app's code, `off` steps from now. */
static const char *code(int off)
{
    static char text[TOTP_DIGITS + 1];

    totp_code(&app, step_now() + off, text);
    return text;
}

static int create(void)
{
    struct totp_create_in in = {};
    const char *secret;
    int r;

    c = harness_call(OP_totp_create, ann);
    r = totp_create(c, &in);
    if (r)
        return r;
    secret = reply_str(c, "secret");
    ck_assert_uint_eq(strlen(secret), TOTP_BASE32_SIZE - 1);
    ck_assert_ptr_nonnull(strstr(reply_str(c, "otpauth_uri"), secret));
    for (size_t i = 0, bits = 0, value = 0, n = 0; i < strlen(secret); i++) {
        value = value << 5 | (size_t)(secret[i] >= 'A' ? secret[i] - 'A' : secret[i] - '2' + 26);
        if ((bits += 5) >= 8)
            app.bytes[n++] = (unsigned char)(value >> (bits -= 8));
    }
    return DONE;
}

static int confirm(const char *typed)
{
    struct totp_confirm_in in = {.code = typed};
    int r;

    c = harness_call(OP_totp_confirm, ann);
    r = totp_confirm_prepare(c, &in);
    return r ? r : totp_confirm(c, &in);
}

static int login(const char *typed)
{
    struct user_login_in in = {
        .email = EMAIL, .password = PASSWORD, .has_totp_code = typed != NULL, .totp_code = typed};
    int r;

    c = harness_call(OP_user_login, 0);
    r = user_login_prepare(c, &in);
    return r ? r : user_login(c, &in);
}

static int turn_off(const char *password, const char *typed)
{
    struct totp_delete_in in = {.has_password = password != NULL,
                                .password = password,
                                .has_code = typed != NULL,
                                .code = typed};
    int r;

    c = harness_call(OP_totp_delete, ann);
    r = totp_delete_prepare(c, &in);
    return r ? r : totp_delete(c, &in);
}

/* Recovery code i of the last reply. */
static char *recovery_code(int i)
{
    struct json_object *list = json_member(harness_reply(c), "recovery_codes");

    ck_assert_uint_eq(json_object_array_length(list), RECOVERY_CODES);
    return strdup(json_object_get_string(json_object_array_get_idx(list, (size_t)i)));
}

static void look(bool totp, int64_t codes)
{
    c = harness_call(OP_account_security, ann);
    ck_assert_int_eq(harness_fast(c, Q_account_security, 1, NO_ARGS), DONE);
    ck_assert_int_eq(json_flag(harness_reply(c), "totp", !totp), totp);
    ck_assert_int_eq(reply_i64(c, "recovery_codes"), codes);
}

START_TEST(it_counts_once_a_code_was_confirmed)
{
    ck_assert_int_eq(confirm("123456"), CONFLICT);
    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(login(NULL), DONE);
    look(false, 0);
    ck_assert_int_eq(create(), DONE); /* another secret takes its place */
    ck_assert_int_eq(confirm("12345x"), BAD_INPUT);
    ck_assert_str_eq(c->field, "code");
    ck_assert_int_eq(confirm(code(0)), DONE);
    look(true, RECOVERY_CODES);
    ck_assert_int_eq(create(), CONFLICT);
    ck_assert_int_eq(confirm(code(1)), CONFLICT);
}
END_TEST

START_TEST(a_code_is_good_once_and_a_step_off)
{
    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(-1)), DONE);
    ck_assert_int_eq(login(NULL), TOTP_REQUIRED);
    ck_assert_int_eq(login(code(-1)), TOTP_WRONG); /* used to confirm */
    ck_assert_str_eq(c->field, "totp_code");
    ck_assert_int_eq(login(code(0)), DONE);
    ck_assert_int_eq(login(code(0)), TOTP_WRONG);
    ck_assert_int_eq(login(code(3)), TOTP_WRONG);
    ck_assert_int_eq(login(code(1)), DONE);
    ck_assert_int_eq(login(code(0)), TOTP_WRONG); /* older than one that was used */
    ck_assert_int_eq(login(""), TOTP_WRONG);
    ck_assert_int_eq(login_as(EMAIL, "WrongPass123"), BAD_LOGIN);
}
END_TEST

START_TEST(guessing_codes_locks_like_guessing_passwords)
{
    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(0)), DONE);
    for (int i = 0; i < 10; i++) /* the password alone forgives nothing */
        ck_assert_int_eq(login(i % 2 ? "000000" : NULL), i % 2 ? TOTP_WRONG : TOTP_REQUIRED);
    ck_assert_int_eq(login(code(1)), RATE_LIMITED);
    ck_assert_int_eq(turn_off(PASSWORD, NULL), RATE_LIMITED);
}
END_TEST

START_TEST(recovery_codes_work_once_each)
{
    cleanup(free_drop) char *first = NULL, *second = NULL, *fresh = NULL;
    struct recovery_code_renew_in in = {.has_password = true, .password = PASSWORD};

    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(0)), DONE);
    first = recovery_code(0);
    second = recovery_code(1);
    ck_assert_int_eq(login(first), DONE);
    ck_assert_int_eq(login(first), TOTP_WRONG);
    look(true, RECOVERY_CODES - 1);
    c = harness_call(OP_recovery_code_renew, ann);
    ck_assert_int_eq(recovery_code_renew_prepare(c, &in), DONE);
    ck_assert_int_eq(recovery_code_renew(c, &in), DONE);
    fresh = recovery_code(9);
    ck_assert_int_eq(login(second), TOTP_WRONG);
    ck_assert_int_eq(turn_off(NULL, fresh), DONE);
    look(false, 0);
    ck_assert_int_eq(login(NULL), DONE);
    c = harness_call(OP_recovery_code_renew, ann);
    ck_assert_int_eq(recovery_code_renew_prepare(c, &in), DONE);
    ck_assert_int_eq(recovery_code_renew(c, &in), CONFLICT);
}
END_TEST

START_TEST(off_asks_for_the_password_or_a_code)
{
    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(-1)), DONE);
    ck_assert_int_eq(turn_off(NULL, NULL), BAD_INPUT);
    ck_assert_int_eq(turn_off(PASSWORD, "000000"), BAD_INPUT);
    ck_assert_int_eq(turn_off("WrongPass123", NULL), BAD_INPUT);
    ck_assert_str_eq(c->field, "password");
    ck_assert_int_eq(turn_off(NULL, code(-1)), BAD_INPUT);
    ck_assert_str_eq(c->field, "code");
    ck_assert_int_eq(turn_off(NULL, code(0)), DONE);
    ck_assert_int_eq(turn_off(PASSWORD, NULL), DONE); /* off is off */
    ck_assert_int_eq(turn_off(NULL, code(1)), DONE);
    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(0)), DONE); /* another secret, another count */
    ck_assert_int_eq(turn_off(PASSWORD, NULL), DONE);
}
END_TEST

START_TEST(an_admin_takes_it_away)
{
    int64_t bob = account_make("bob@example.com");
    struct account_totp_delete_in in = {.user_id = ann};

    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(0)), DONE);
    c = harness_call(OP_account_totp_delete, bob);
    ck_assert_int_eq(account_totp_delete(c, &in), FORBIDDEN);
    harness_sql(c, "UPDATE account SET role = 'admin' WHERE email_key = 'bob@example.com'");
    c = harness_call(OP_account_get, bob);
    ck_assert_int_eq(harness_fast(c, Q_account_get, 1, ARGS(ann)), DONE);
    ck_assert(json_flag(harness_reply(c), "totp", false));
    c = harness_call(OP_account_totp_delete, bob);
    ck_assert_int_eq(account_totp_delete(c, &in), DONE);
    ck_assert_int_eq(account_totp_delete(c, &in), NOT_FOUND);
    ck_assert_int_eq(login(NULL), DONE);
}
END_TEST

START_TEST(secrets_follow_the_secret_key)
{
    cleanup(free_drop) char *sealed = NULL;

    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(-1)), DONE);
    sealed = strdup(harness_sql(c, "SELECT encode(secret_sealed, 'hex') FROM totp"));
    ck_assert_int_eq(signing_keys_reseal(c->db, SECRET, "", NEXT), DONE);
    ck_assert_int_eq(second_factors_reseal(c->db, SECRET, "", NEXT), DONE);
    ck_assert_str_ne(sealed, harness_sql(c, "SELECT encode(secret_sealed, 'hex') FROM totp"));
    ck_assert_int_lt(login(code(0)), 0); /* a fault: it still has the old one */
    state.secret = NEXT;
    ck_assert_int_eq(login(code(0)), DONE);
    /* it cannot be moved to another account */
    account_make("bob@example.com");
    harness_sql(c, "INSERT INTO totp (account_id, secret_sealed, confirmed_at) "
                   "SELECT max(id), (SELECT secret_sealed FROM totp), now() FROM account");
    ck_assert_int_eq(login_as("bob@example.com", PASSWORD), TOTP_REQUIRED);
    ck_assert_int_lt(second_factor_ask(c, number("SELECT max(account_id) FROM totp"), code(1)), 0);
}
END_TEST

static int require(int64_t caller, const char *who)
{
    struct setting_update_in in = {.has_totp_required = true, .totp_required = who};

    c = harness_call(OP_setting_update, caller);
    return setting_update(c, &in);
}

/* Whether a session, or a key by its negated id, reaches its account's own affairs only. */
static bool is_limited(int64_t account, int64_t session)
{
    c = harness_call(OP_session_check, account);
    ck_assert_int_eq(harness_fast(c, Q_session_check, 1, ARGS(session)), DONE);
    return json_flag(harness_reply(c), "limited", false);
}

START_TEST(an_admin_can_ask_it_of_all)
{
    int64_t bob = account_make("bob@example.com"), his = session_make("bob@example.com"), hers, seq;
    struct apikey_create_in key = {.name = "robot", .scopes = "read"};

    harness_sql(c, "UPDATE account SET role = 'admin' WHERE email_key = 'ann@example.com'");
    ck_assert_int_eq(require(ann, "some"), BAD_INPUT);
    ck_assert_int_eq(require(ann, "all"), CONFLICT); /* without one of her own */
    ck_assert_str_eq(c->field, "totp_required");
    ck_assert_int_eq(create(), DONE);
    ck_assert_int_eq(confirm(code(0)), DONE);
    ck_assert_int_eq(login(code(1)), DONE);
    hers = reply_claims().session;
    seq = number("SELECT seq FROM revocation_counter");
    ck_assert_int_eq(require(ann, "admins"), DONE);
    ck_assert_str_eq(reply_str(c, "totp_required"), "admins");
    ck_assert_int_gt(number("SELECT seq FROM revocation_counter"), seq + REVOCATIONS_LISTED);
    ck_assert(!is_limited(bob, his));
    ck_assert(!is_limited(ann, hers));
    ck_assert_int_eq(require(ann, "all"), DONE);
    ck_assert(is_limited(bob, his));
    ck_assert(!is_limited(ann, hers));
    c = harness_call(OP_apikey_create, bob);
    ck_assert_int_eq(apikey_create(c, &key), DONE);
    ck_assert(is_limited(bob, -reply_i64(c, "id")));
    c = harness_call(OP_account_security, bob);
    ck_assert_int_eq(harness_fast(c, Q_account_security, 1, NO_ARGS), DONE);
    ck_assert(json_flag(harness_reply(c), "totp_required", false));
    ck_assert_int_eq(turn_off(PASSWORD, NULL), DONE);
    ck_assert(is_limited(ann, hers));
    ck_assert_int_eq(require(ann, "off"), DONE);
    ck_assert(!is_limited(bob, his));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_totp");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin_totp, end);
    tcase_add_test(tests, it_counts_once_a_code_was_confirmed);
    tcase_add_test(tests, a_code_is_good_once_and_a_step_off);
    tcase_add_test(tests, guessing_codes_locks_like_guessing_passwords);
    tcase_add_test(tests, recovery_codes_work_once_each);
    tcase_add_test(tests, off_asks_for_the_password_or_a_code);
    tcase_add_test(tests, an_admin_takes_it_away);
    tcase_add_test(tests, secrets_follow_the_secret_key);
    tcase_add_test(tests, an_admin_can_ask_it_of_all);
    return check_run("authd_totp", tests);
}
