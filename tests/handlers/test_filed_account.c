/* filed: what a deleted account leaves, on a real database and disk. */
#include <sys/stat.h>

#include "filed/archive.h"
#include "filed/exports.h"
#include "filed/limits.h"
#include "tests/handlers/filed_rig.h"

#define MORE "{\"more\":true,\"wait\":0}"
#define OVER "{\"more\":false,\"wait\":0}"

static const char *erase(void)
{
    struct file_account_erase_in in = {.event_id = 1, .account_id = ALICE};

    c = harness_call(OP_file_account_erase, 0);
    ck_assert_int_eq(file_account_erase(c, &in), DONE);
    return arena_strndup(&c->arena, c->out.data, c->out.size);
}

static const char *copies(void)
{
    struct file_account_copies_in in = {.event_id = 1, .account_id = ALICE};

    c = harness_call(OP_file_account_copies, 0);
    ck_assert_int_eq(file_account_copies(c, &in), DONE);
    return arena_strndup(&c->arena, c->out.data, c->out.size);
}

static bool is_there(const char *path)
{
    struct stat st;
    char whole[128];

    snprintf(whole, sizeof whole, "%s/%s", dir, path);
    return stat(whole, &st) == 0;
}

static void erased(void)
{
    for (int i = 0; i < 20; i++)
        if (strcmp(erase(), OVER) == 0)
            return;
    ck_abort_msg("it does not end");
}

START_TEST(files_contents_and_archives_go)
{
    struct account_export_create_in create = {};
    struct archive *archive = NULL;
    struct incoming *arrives = NULL;
    char name[8];
    int64_t id;

    for (int i = 0; i <= FILES_ERASED_AT_ONCE; i++) {
        snprintf(name, sizeof name, "%d", i);
        uploaded(ALICE, name, name);
    }
    uploaded(BOB, "other", "hello");
    c = harness_call(OP_account_export_create, ALICE);
    ck_assert_int_eq(account_export_create(c, &create), DONE);
    id = reply_i64(c, "id");
    ck_assert_int_eq(archive_open(filed.store, id, 1, &archive), DONE);
    ck_assert_int_eq(incoming_open(filed.store, ALICE, &arrives), DONE);
    ck_assert_str_eq(erase(), MORE);
    /* nothing comes any more */
    ck_assert_int_eq(upload(ALICE, "late", "late"), NOT_FOUND);
    c = harness_call(OP_account_export_create, ALICE);
    ck_assert_int_eq(account_export_create(c, &create), UNAUTHORIZED);
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE),
                     FILES_ERASED_AT_ONCE + 1);
    erased();
    for (const char *const *sql =
             (const char *const[]){"SELECT count(*) FROM file WHERE owner_id = %" PRId64,
                                   "SELECT count(*) FROM blob WHERE owner_id = %" PRId64,
                                   "SELECT count(*) FROM storage WHERE owner_id = %" PRId64,
                                   "SELECT count(*) FROM account_export WHERE owner_id = %" PRId64,
                                   NULL};
         *sql; sql++)
        ck_assert_msg(number(*sql, ALICE) == 0, "%s", *sql);
    ck_assert(!is_there("7000001"));
    ck_assert(is_there("7000002"));
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, BOB), 1);
    archive_drop(&archive);
    incoming_drop(&arrives);
    ck_assert_str_eq(erase(), OVER);
}
END_TEST

START_TEST(copies_are_waited_for)
{
    int64_t id = uploaded(ALICE, "sent", "sent");

    number("INSERT INTO copy (file_id, state, try, provider_file_id) VALUES (%" PRId64
           ", 'present', 1, 'file-x') RETURNING 1",
           id);
    ck_assert_ptr_nonnull(strstr(copies(), "true")); /* it has not begun */
    erased();
    ck_assert_str_eq(copies(), "{\"more\":true,\"wait\":1}");
    number("UPDATE account_ref SET gone_at = now() - interval '100 seconds' WHERE account_id = "
           "%" PRId64 " RETURNING 1",
           ALICE);
    ck_assert_str_eq(copies(), "{\"more\":true,\"wait\":10}");
    number("UPDATE account_ref SET gone_at = now() - interval '9 days' WHERE account_id = "
           "%" PRId64 " RETURNING 1",
           ALICE);
    ck_assert_str_eq(copies(), "{\"more\":true,\"wait\":300}");
    number("DELETE FROM copy WHERE file_id = %" PRId64 " RETURNING 1", id);
    ck_assert_ptr_nonnull(strstr(copies(), "false"));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("account");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, files_contents_and_archives_go);
    tcase_add_test(t, copies_are_waited_for);
    return check_run("filed_account", t);
}
