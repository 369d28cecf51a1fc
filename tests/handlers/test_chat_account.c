/* chatd: what a deleted account leaves, on a real database. */
#define ALICE   7300001
#define BOB     7300002
#define PROJECT 5300001
#include "chatd/erase.h"
#include "tests/handlers/chatd_rig.h"

#define MORE "{\"more\":true,\"wait\":0}"
#define WAIT "{\"more\":true,\"wait\":1}"
#define OVER "{\"more\":false,\"wait\":0}"

static const char *erase(void)
{
    struct chat_account_erase_in in = {.event_id = 1, .account_id = ALICE};

    c = harness_call(OP_chat_account_erase, 0);
    ck_assert_int_eq(chat_account_erase(c, &in), DONE);
    return arena_strndup(&c->arena, c->out.data, c->out.size);
}

START_TEST(it_goes_step_by_step)
{
    int64_t turn;

    talk(ALICE, 0, "one", "two");
    talk(BOB, 0, "five", "six");
    ck_assert_int_eq(say(ALICE, 0, 0, "runs"), DONE);
    turn = c->turn_id;
    harness_sql(c, "INSERT INTO usage_day VALUES (7300001, 1, now(), 1, 2, 3) RETURNING 1");
    harness_sql(c, "INSERT INTO idempotency VALUES (7300001, 'x', 'k', 'f', 200, NULL, 'r', now()) "
                   "RETURNING 1");
    /* first nothing more is accepted, and what runs has to stop */
    ck_assert_str_eq(erase(), MORE);
    ck_assert_int_eq(number("SELECT count(*) FROM turn WHERE id = $1 AND cancel_requested", turn),
                     1);
    ck_assert_int_eq(say(ALICE, 0, 0, "late"), UNAUTHORIZED);
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE owner_id = $1", ALICE), 2);
    ck_assert_str_eq(erase(), MORE);
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE owner_id = $1", ALICE), 0);
    /* the rest waits for the turn, and for the messages */
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_str_eq(erase(), WAIT);
    ck_assert_int_eq(number("SELECT count(*) FROM usage_day WHERE owner_id = $1", ALICE), 1);
    number("UPDATE turn SET state = 'cancelled' WHERE id = $1 RETURNING 1", turn);
    ck_assert_int_eq(conversations_erase(c), DONE);
    ck_assert_str_eq(erase(), OVER);
    for (const char *const *sql =
             (const char *const[]){"SELECT count(*) FROM message WHERE owner_id = $1",
                                   "SELECT count(*) FROM turn WHERE owner_id = $1",
                                   "SELECT count(*) FROM usage_day WHERE owner_id = $1",
                                   "SELECT count(*) FROM budget_day WHERE account_id = $1",
                                   "SELECT count(*) FROM idempotency WHERE caller = $1", NULL};
         *sql; sql++)
        ck_assert_msg(number(*sql, ALICE) == 0, "%s", *sql);
    ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE owner_id = $1", BOB), 1);
    ck_assert_str_eq(erase(), OVER); /* again, as the outbox may */
}
END_TEST

START_TEST(a_project_that_came_late_is_refused)
{
    ck_assert_str_eq(erase(), MORE);
    ck_assert_int_eq(say(ALICE, 0, 0, "the first message in it"), UNAUTHORIZED);
    ck_assert_int_eq(say(BOB, 0, 0, "somebody else's"), DONE);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("account");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, it_goes_step_by_step);
    tcase_add_test(t, a_project_that_came_late_is_refused);
    return check_run("chat_account", t);
}
