/* authd's mails on a real database: who gets one, what its link does, and what a refusal becomes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authd/admin.h"
#include "authd/mail.h"
#include "tests/handlers/authd_rig.h"

#define EMAIL "ann@example.com"

static int64_t ann;
static char directory[32];
static char mail[16384]; /* the last one that was delivered */

static void begin_mail(void)
{
    begin();
    snprintf(directory, sizeof directory, "/tmp/mail-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    state.post = (struct post){.way = POST_FILES, .directory = directory, .from = "x@example.com"};
    ann = account_make(EMAIL);
}

static void end_mail(void)
{
    rmdir(directory);
    state.post = (struct post){0};
    state.verification_required = false;
    end();
}

/* Reads the one file that is there, and removes it.  False: there is none. */
static bool mail_read(void)
{
    cleanup(fd_drop) int fd = -1;
    char path[320] = "";
    struct dirent *entry;
    struct stat st;
    ssize_t n;
    DIR *dir = opendir(directory);

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)))
        if (strstr(entry->d_name, ".eml")) {
            ck_assert_str_eq(path, "");
            snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        }
    closedir(dir);
    if (!*path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert(fd >= 0 && fstat(fd, &st) == 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    n = read(fd, mail, sizeof mail - 1);
    ck_assert_int_gt(n, 0);
    mail[n] = '\0';
    unlink(path);
    return true;
}

/* Delivers the next mail, which has to be of one kind: what its text begins with. */
static void delivered(const char *to, const char *subject)
{
    char line[300];

    ck_assert(mail_deliver(&state, c->db));
    ck_assert(mail_read());
    snprintf(line, sizeof line, "To: <%s>\r\n", to);
    ck_assert_ptr_nonnull(strstr(mail, line));
    snprintf(line, sizeof line, "Subject: Chatbot: %s\r\n", subject);
    ck_assert_ptr_nonnull(strstr(mail, line));
}

/* Nothing waits, or what does is thrown away. */
static void nothing(void)
{
    while (mail_deliver(&state, c->db))
        ck_assert(!mail_read());
}

/* The token in the last mail's link. */
static const char *token(const char *what)
{
    static char text[44];
    char mark[64];
    const char *at;

    snprintf(mark, sizeof mark, "\r\nhttps://chat.example.com/#%s=", what);
    at = strstr(mail, mark);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%s", at + strlen(mark));
    return text;
}

static int ask_reset(const char *email)
{
    struct password_reset_ask_in in = {.email = email};

    c = harness_call(OP_password_reset_ask, 0);
    return password_reset_ask(c, &in);
}

static int confirm(const char *with, const char *password)
{
    struct password_reset_confirm_in in = {.token = with, .password = password};
    int r;

    c = harness_call(OP_password_reset_confirm, 0);
    r = password_reset_confirm_prepare(c, &in);
    return r ? r : password_reset_confirm(c, &in);
}

static int verify(const char *with)
{
    struct email_verify_in in = {.token = with};

    c = harness_call(OP_email_verify, 0);
    return email_verify(c, &in);
}

static int ask_verify(const char *email)
{
    struct email_verify_ask_in in = {.email = email};

    c = harness_call(OP_email_verify_ask, 0);
    return email_verify_ask(c, &in);
}

static int change(const char *email, const char *password)
{
    struct email_change_in in = {.email = email, .password = password};
    int r;

    c = harness_call(OP_email_change, ann);
    r = email_change_prepare(c, &in);
    return r ? r : email_change(c, &in);
}

START_TEST(a_reset_goes_to_who_has_the_address)
{
    int64_t session = session_make(EMAIL);

    ck_assert_int_eq(ask_reset("ANN@example.com"), DONE);
    ck_assert_int_eq(ask_reset(EMAIL), DONE); /* one waits already */
    delivered(EMAIL, "Set a new password");
    nothing();
    ck_assert_int_eq(
        number("SELECT count(*) FROM mail WHERE details IS NOT NULL OR address IS NOT NULL"), 0);
    ck_assert_int_eq(confirm("x", "OtherPass456"), BAD_INPUT);
    ck_assert_int_eq(confirm(token("reset"), "OtherPass456"), DONE);
    ck_assert_int_eq(session_seq(ann, session), -1);
    ck_assert_int_eq(confirm(token("reset"), "ThirdPass789"), BAD_INPUT);
    delivered(EMAIL, "Your password was changed");
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(login_as(EMAIL, "OtherPass456"), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM account WHERE verified_at IS NOT NULL"), 1);
}
END_TEST

START_TEST(nobody_else_gets_one_and_the_answer_is_the_same)
{
    ck_assert_int_eq(ask_reset("ghost@example.com"), DONE);
    ck_assert_uint_eq(c->out.size, 0);
    nothing();
    ck_assert_int_eq(number("SELECT count(*) FROM mail"), 0);
    harness_sql(c, "UPDATE account SET disabled = true");
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    nothing();
    ck_assert_int_eq(ask_reset("no address"), BAD_INPUT);
    ck_assert_str_eq(c->field, "email");
    state.post.way = POST_OFF;
    ck_assert_int_eq(ask_reset(EMAIL), MAIL_OFF);
    ck_assert_int_eq(ask_verify(EMAIL), MAIL_OFF);
    ck_assert_int_eq(change("new@example.com", PASSWORD), MAIL_OFF);
}
END_TEST

START_TEST(an_account_gets_only_so_many)
{
    for (int i = 0; i < mail_kind_limit(MAIL_reset); i++) {
        ck_assert_int_eq(ask_reset(EMAIL), DONE);
        delivered(EMAIL, "Set a new password");
    }
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    nothing();
    harness_sql(c, "UPDATE mail SET sent_at = sent_at - interval '1 hour'");
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    delivered(EMAIL, "Set a new password");
}
END_TEST

/* The same mail in each try, so that the link of one that arrived after all is good. */
START_TEST(a_mail_is_tried_again_and_then_parked)
{
    char first[44];

    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    delivered(EMAIL, "Set a new password");
    snprintf(first, sizeof first, "%s", token("reset"));
    harness_sql(c, "UPDATE mail SET sent_at = NULL, next_at = now()");
    state.post.directory = "/nonexistent";
    ck_assert(mail_deliver(&state, c->db));
    ck_assert_str_eq(harness_sql(c, "SELECT error FROM mail"),
                     "MAIL_DIR: No such file or directory");
    ck_assert_int_eq(number("SELECT tries FROM mail"), 2);
    ck_assert(!mail_deliver(&state, c->db)); /* not yet */
    state.post.directory = directory;
    harness_sql(c, "UPDATE mail SET next_at = now()");
    delivered(EMAIL, "Set a new password");
    ck_assert_str_eq(token("reset"), first);
    ck_assert_int_eq(confirm(first, "OtherPass456"), DONE);
    delivered(EMAIL, "Your password was changed");
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    harness_sql(c, "UPDATE mail SET tries = 19 WHERE sent_at IS NULL");
    state.post.directory = "/nonexistent";
    ck_assert(mail_deliver(&state, c->db));
    ck_assert_int_eq(number("SELECT count(*) FROM mail WHERE parked_at IS NOT NULL"), 1);
    harness_sql(c, "UPDATE mail SET next_at = now()");
    ck_assert(!mail_deliver(&state, c->db));
}
END_TEST

/* A file of a directory, so many seconds old. */
static void file_make(const char *name, time_t age)
{
    const struct timespec then[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    cleanup(fd_drop) int fd = -1;
    char path[320];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(futimens(fd, then), 0);
}

/* False: it is not there; else it is not there any more. */
static bool file_remove(const char *name)
{
    char path[320];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return unlink(path) == 0;
}

START_TEST(files_of_mails_stay_for_a_day)
{
    static const char *const others[] = {"letter.eml", "1700000000-000001-reset.txt", ".hidden",
                                         "17-1-reset.eml"};

    file_make("1700000000-000001-reset.eml", 86500);
    file_make(".1700000000-000002-reset", 86500);
    file_make("1700000000-000003-reset.eml", 86300);
    file_make(".1700000000-000004-reset", 10);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        file_make(others[i], 864000);
    state.mail_sweep_due_us = 0;
    ck_assert(!mail_deliver(&state, c->db));
    ck_assert(!file_remove("1700000000-000001-reset.eml"));
    ck_assert(!file_remove(".1700000000-000002-reset"));
    ck_assert(file_remove("1700000000-000003-reset.eml"));
    ck_assert(file_remove(".1700000000-000004-reset"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert(file_remove(others[i]));
}
END_TEST

START_TEST(an_unproved_address_cannot_log_in)
{
    int64_t bob;

    state.verification_required = true;
    bob = account_make("bob@example.com");
    delivered("bob@example.com", "Confirm your e-mail address");
    ck_assert_int_eq(login_as("bob@example.com", PASSWORD), EMAIL_UNVERIFIED);
    ck_assert_int_eq(login_as("bob@example.com", "WrongPass123"), BAD_LOGIN);
    ck_assert_int_eq(ask_verify("bob@example.com"), DONE);
    delivered("bob@example.com", "Confirm your e-mail address");
    ck_assert_int_eq(verify("x"), BAD_INPUT);
    ck_assert_str_eq(c->field, "token");
    ck_assert_int_eq(verify(token("verify")), DONE);
    ck_assert_int_eq(verify(token("verify")), BAD_INPUT);
    ck_assert_int_eq(login_as("bob@example.com", PASSWORD), DONE);
    ck_assert_int_eq(ask_verify("bob@example.com"), DONE);
    ck_assert_int_eq(ask_verify("ghost@example.com"), DONE);
    nothing(); /* proved already; nobody */
    ck_assert_int_gt(bob, 0);
}
END_TEST

START_TEST(an_address_changes_once_it_is_proved)
{
    account_make("bob@example.com");
    ck_assert_int_eq(change("new", PASSWORD), BAD_INPUT);
    ck_assert_int_eq(change("new@example.com", "WrongPass123"), BAD_INPUT);
    ck_assert_str_eq(c->field, "password");
    ck_assert_int_eq(change("Bob@example.com", PASSWORD), CONFLICT);
    ck_assert_int_eq(change(EMAIL, PASSWORD), BAD_INPUT);
    ck_assert_int_eq(change("first@example.com", PASSWORD), DONE);
    delivered("first@example.com", "Confirm your new e-mail address");
    ck_assert_int_eq(change("New@example.com", PASSWORD), DONE);
    ck_assert_int_eq(verify(token("verify")), BAD_INPUT); /* not wanted any more */
    delivered("New@example.com", "Confirm your new e-mail address");
    c = harness_call(OP_account_security, ann);
    ck_assert_int_eq(harness_fast(c, Q_account_security, 1, NO_ARGS), DONE);
    ck_assert_str_eq(reply_str(c, "pending_email"), "New@example.com");
    ck_assert_int_eq(login_as("new@example.com", PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    ck_assert_int_eq(verify(token("verify")), DONE);
    ck_assert(mail_deliver(&state, c->db)); /* of an address that nobody has any more */
    ck_assert(!mail_read());
    delivered(EMAIL, "Your e-mail address was changed");
}
END_TEST

/* Whoever knew the password asks for an address of theirs, waits until its owner has taken the
 * account back, and only then follows the link. */
START_TEST(a_new_password_stops_a_change_of_address)
{
    struct password_change_in in = {.old_password = PASSWORD, .new_password = "OtherPass456"};
    char theirs[3][44];

    for (int way = 0; way < 3; way++) {
        const char *password = way == 0 ? PASSWORD : way == 1 ? "OtherPass456" : "ThirdPass789";
        ck_assert_int_eq(change("evil@example.com", password), DONE);
        delivered("evil@example.com", "Confirm your new e-mail address");
        snprintf(theirs[way], sizeof theirs[way], "%s", token("verify"));
        if (way == 0) {
            c = harness_call(OP_password_change, ann);
            ck_assert_int_eq(password_change_prepare(c, &in), DONE);
            ck_assert_int_eq(password_change(c, &in), DONE);
        } else if (way == 1) {
            ck_assert_int_eq(ask_reset(EMAIL), DONE);
            delivered(EMAIL, "Set a new password");
            ck_assert_int_eq(confirm(token("reset"), "ThirdPass789"), DONE);
        } else {
            c = harness_call(OP_account_reset, 0);
            ck_assert_int_eq(account_void(c, ann), DONE);
        }
        for (int i = 0; i <= way; i++)
            ck_assert_int_eq(verify(theirs[i]), BAD_INPUT);
        if (way < 2)
            delivered(EMAIL, "Your password was changed");
    }
    ck_assert_int_eq(number("SELECT count(*) FROM email_token"), 0);
    ck_assert_str_eq(harness_sql(c, "SELECT email FROM account"), EMAIL);
    ck_assert_int_eq(number("SELECT count(*) FROM reset_token"), 1); /* the admin's */
}
END_TEST

START_TEST(a_new_password_ends_older_resets)
{
    struct password_change_in in = {.old_password = PASSWORD, .new_password = "OtherPass456"};
    char theirs[44];

    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    delivered(EMAIL, "Set a new password");
    snprintf(theirs, sizeof theirs, "%s", token("reset"));
    c = harness_call(OP_password_change, ann);
    ck_assert_int_eq(password_change_prepare(c, &in), DONE);
    ck_assert_int_eq(password_change(c, &in), DONE);
    ck_assert_int_eq(confirm(theirs, "ThirdPass789"), BAD_INPUT);
    ck_assert_int_eq(login_as(EMAIL, "OtherPass456"), DONE);
}
END_TEST

START_TEST(the_old_address_hears_of_it)
{
    ck_assert_int_eq(change("new@example.com", PASSWORD), DONE);
    delivered("new@example.com", "Confirm your new e-mail address");
    ck_assert_int_eq(verify(token("verify")), DONE);
    delivered(EMAIL, "Your e-mail address was changed");
    ck_assert_ptr_nonnull(strstr(mail, "new@example.com"));
    ck_assert_int_eq(login_as(EMAIL, PASSWORD), BAD_LOGIN);
    ck_assert_int_eq(login_as("new@example.com", PASSWORD), DONE);
    ck_assert_int_eq(change("a@example.com", PASSWORD), DONE);
    ck_assert_int_eq(change("b@example.com", PASSWORD), DONE);
    ck_assert_int_eq(change("c@example.com", PASSWORD), RATE_LIMITED);
}
END_TEST

START_TEST(a_taken_address_is_not_taken_twice)
{
    ck_assert_int_eq(change("new@example.com", PASSWORD), DONE);
    delivered("new@example.com", "Confirm your new e-mail address");
    account_make("new@example.com");
    ck_assert_int_eq(verify(token("verify")), CONFLICT);
}
END_TEST

START_TEST(domains_hold_for_changes_too)
{
    state.registration_domains = "example.com";
    ck_assert_int_eq(change("ann@elsewhere.example", PASSWORD), FORBIDDEN);
    ck_assert_str_eq(c->field, "email");
    ck_assert_int_eq(change("new@example.com", PASSWORD), DONE);
}
END_TEST

START_TEST(people_hear_of_what_matters)
{
    struct apikey_create_in key = {.name = "a robot", .scopes = "read"};

    c = harness_call(OP_apikey_create, ann);
    ck_assert_int_eq(apikey_create(c, &key), DONE);
    delivered(EMAIL, "An API key was made");
    ck_assert_ptr_nonnull(strstr(mail, "a robot"));
    for (int i = 0; i < 12; i++)
        (void)!login_as(EMAIL, "WrongPass123");
    delivered(EMAIL, "Log-in was locked for a moment");
    nothing();
    for (int i = 0; i < 12; i++)
        (void)!login_as("ghost@example.com", "WrongPass123");
    nothing();
}
END_TEST

START_TEST(in_the_language_of_the_account)
{
    harness_sql(c, "UPDATE account SET language = 'de-CH'");
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    delivered(EMAIL, "Neues Passwort setzen");
    harness_sql(c, "UPDATE account SET language = 'fr'");
    state.language = "de";
    ck_assert_int_eq(ask_reset(EMAIL), DONE);
    delivered(EMAIL, "Neues Passwort setzen");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_mail");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, begin_mail, end_mail);
    tcase_add_test(tests, a_reset_goes_to_who_has_the_address);
    tcase_add_test(tests, nobody_else_gets_one_and_the_answer_is_the_same);
    tcase_add_test(tests, an_account_gets_only_so_many);
    tcase_add_test(tests, a_mail_is_tried_again_and_then_parked);
    tcase_add_test(tests, files_of_mails_stay_for_a_day);
    tcase_add_test(tests, an_unproved_address_cannot_log_in);
    tcase_add_test(tests, an_address_changes_once_it_is_proved);
    tcase_add_test(tests, a_new_password_stops_a_change_of_address);
    tcase_add_test(tests, a_new_password_ends_older_resets);
    tcase_add_test(tests, the_old_address_hears_of_it);
    tcase_add_test(tests, a_taken_address_is_not_taken_twice);
    tcase_add_test(tests, domains_hold_for_changes_too);
    tcase_add_test(tests, people_hear_of_what_matters);
    tcase_add_test(tests, in_the_language_of_the_account);
    return check_run("authd_mail", tests);
}
