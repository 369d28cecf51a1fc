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

/* One caller cannot take all places of transfers, nor transfers all threads. */
START_TEST(transfers_are_shared)
{
    static struct exchange all[ADMIT_TRANSFERS_MAX + 1];
    struct exchange other;

    gateway.threads = 16;
    gateway.transfers = admit_transfers_new(16);
    gateway.rates = (struct rate_table *)&gateway; /* only looked at */
    for (int i = 0; i < 9; i++)
        all[i] = (struct exchange){
            .gateway = &gateway, .op = api_op(OP_file_content), .caller = i < 6 ? 1 : 2};
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(admit_transfer_step(&all[i]), DONE);
    ck_assert_int_eq(admit_transfer_step(&all[8]), BUSY);
    admit_end(&all[0]);
    admit_end(&all[0]);
    ck_assert_int_eq(admit_transfer_step(&all[8]), DONE);
    other = (struct exchange){.gateway = &gateway, .op = api_op(OP_project_list), .caller = 1};
    ck_assert_int_eq(admit_transfer_step(&other), DONE);
    for (int i = 1; i < 9; i++)
        admit_end(&all[i]);
    admit_transfers_drop(&gateway.transfers);
    gateway.transfers = admit_transfers_new(512);
    for (int i = 0; i <= ADMIT_TRANSFERS_CALLER; i++) {
        all[i] = (struct exchange){.gateway = &gateway, .op = api_op(OP_file_create), .caller = 1};
        ck_assert_int_eq(admit_transfer_step(&all[i]),
                         i < ADMIT_TRANSFERS_CALLER ? DONE : RATE_LIMITED);
    }
    other = (struct exchange){.gateway = &gateway, .op = api_op(OP_file_create), .caller = 2};
    ck_assert_int_eq(admit_transfer_step(&other), DONE);
    gateway.rates = NULL;
    ck_assert_int_eq(admit_transfer_step(&all[ADMIT_TRANSFERS_CALLER]), DONE);
    admit_transfers_drop(&gateway.transfers);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("admit");

    tcase_add_test(tests, shares);
    tcase_add_test(tests, chats_leave_room);
    tcase_add_test(tests, transfers_are_shared);
    return check_run("admit", tests);
}
