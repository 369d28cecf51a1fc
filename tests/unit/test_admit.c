/* Admission: chats leave threads to the others, and those to the system's own. */
#include "gateway/admit.h"
#include "tests/unit/check_main.h"

static struct gateway gateway;

static int admit(struct exchange *x, enum op_id op)
{
    *x = (struct exchange){.gateway = &gateway, .op = api_op(op)};
    return admit_step(x);
}

START_TEST(shares)
{
    ck_assert_uint_eq(admit_requests_max(512), 480);
    ck_assert_uint_eq(admit_chats_max(512), 448);
    ck_assert_uint_eq(admit_requests_max(16), 14);
    ck_assert_uint_eq(admit_chats_max(16), 12);
    ck_assert_uint_eq(admit_chats_max(2000), 1936);
}
END_TEST

START_TEST(chats_leave_room)
{
    static struct exchange chats[12], reads[2], more;

    gateway.threads = 16;
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(admit(&chats[i], OP_chat_create), DONE);
    ck_assert_int_eq(admit(&more, OP_chat_create), BUSY);
    admit_end(&more);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(admit(&reads[i], OP_project_list), DONE);
    ck_assert_int_eq(admit(&more, OP_project_list), BUSY);
    admit_end(&more);
    ck_assert_int_eq(admit(&more, OP_health), DONE);
    admit_end(&more);
    for (int i = 0; i < 12; i++)
        admit_end(&chats[i]);
    admit_end(&chats[0]);
    ck_assert_uint_eq(atomic_load(&gateway.chats), 0);
    ck_assert_uint_eq(atomic_load(&gateway.requests), 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("admit");

    tcase_add_test(tests, shares);
    tcase_add_test(tests, chats_leave_room);
    return check_run("admit", tests);
}
