/* authd's profiles on a real database. */
#include "tests/handlers/authd_rig.h"

static int64_t ann;

static int update(struct user_update_in in)
{
    c = harness_call(OP_user_update, ann);
    return user_update(c, &in);
}

static void look(void)
{
    c = harness_call(OP_user_me, ann);
    ck_assert_int_eq(harness_fast(c, Q_user_me, 0, NO_ARGS), DONE);
}

static bool reply_has(const char *text)
{
    return memmem(c->out.data, c->out.size, text, strlen(text)) != NULL;
}

START_TEST(a_new_one_is_empty)
{
    ann = account_make("ann@example.com");
    look();
    ck_assert(reply_has("\"name\":null,\"language\":null,\"preferences\":{}"));
    ck_assert_str_eq(reply_str(c, "email"), "ann@example.com");
}
END_TEST

START_TEST(what_is_left_out_stays)
{
    int64_t bob;

    ann = account_make("ann@example.com");
    bob = account_make("bob@example.com");
    ck_assert_int_eq(update((struct user_update_in){.has_name = true,
                                                    .name = "Ann",
                                                    .has_language = true,
                                                    .language = "pt-BR",
                                                    .has_preferences = true,
                                                    .preferences = "{\"b\":1.0,\"a\":{}}"}),
                     DONE);
    ck_assert(reply_has("\"preferences\":{\"b\":1.0,\"a\":{}}"));
    ck_assert_int_eq(update((struct user_update_in){0}), DONE);
    ck_assert_int_eq(update((struct user_update_in){.has_name = true, .null_name = true}), DONE);
    look();
    ck_assert(
        reply_has("\"name\":null,\"language\":\"pt-BR\",\"preferences\":{\"b\":1.0,\"a\":{}}"));
    ck_assert_int_eq(update((struct user_update_in){.has_preferences = true,
                                                    .null_preferences = true,
                                                    .has_language = true,
                                                    .null_language = true}),
                     DONE);
    ck_assert(reply_has("\"language\":null,\"preferences\":{}"));
    ann = bob;
    look();
    ck_assert(reply_has("\"language\":null,\"preferences\":{}"));
}
END_TEST

START_TEST(what_is_refused_names_the_field)
{
    ann = account_make("ann@example.com");
    ck_assert_int_eq(update((struct user_update_in){.has_name = true, .name = "A\nB"}), BAD_INPUT);
    ck_assert_str_eq(c->field, "name");
    ck_assert_int_eq(update((struct user_update_in){.has_language = true, .language = "de_AT"}),
                     BAD_INPUT);
    ck_assert_str_eq(c->field, "language");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("profile");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_new_one_is_empty);
    tcase_add_test(t, what_is_left_out_stays);
    tcase_add_test(t, what_is_refused_names_the_field);
    return check_run("authd_profile", t);
}
