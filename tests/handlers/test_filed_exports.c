/* filed: exports of accounts, their limits, leases and archives, on a real database and disk. */
#include <dirent.h>
#include <unistd.h>

#include "filed/archive.h"
#include "filed/exports.h"
#include "filed/limits.h"
#include "tests/handlers/filed_rig.h"

static int archives(void)
{
    char path[64];
    struct dirent *e;
    int n = 0;

    snprintf(path, sizeof path, "%s/exports", dir);
    DIR *d = opendir(path);
    while ((e = readdir(d)))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int create(int64_t caller)
{
    struct account_export_create_in in = {};

    c = harness_call(OP_account_export_create, caller);
    return account_export_create(c, &in);
}

static int64_t created(int64_t caller)
{
    ck_assert_int_eq(create(caller), DONE);
    return reply_i64(c, "id");
}

/* Rows that are taken by a process; *ret_id and *ret_try of the one. */
static int take(const char *process, int64_t *ret_id, int64_t *ret_try)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    ck_assert_int_eq(db_rows(c, Q_export_take, ARGS(process, EXPORT_LEASE_S), &rows), DONE);
    if (rows_count(rows)) {
        *ret_id = rows_i64(rows, 0, 0);
        *ret_try = rows_i64(rows, 0, 2);
    }
    return rows_count(rows);
}

static int64_t finish(int64_t id, const char *process, int64_t try)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    ck_assert_int_eq(db_rows(c, Q_export_ready,
                             ARGS(id, process, try, INT64_C(3), "abc", EXPORT_HOURS, 0, 0, 0),
                             &rows),
                     DONE);
    return rows_affected(rows);
}

static void begin_alone(void)
{
    begin();
    number("UPDATE account_export SET state = 'failed' WHERE id > %" PRId64 " RETURNING 1", 0);
}

START_TEST(one_is_made_at_a_time_and_three_are_kept)
{
    int64_t id = 0, try = 0;

    for (int i = 0; i < EXPORTS_PER_ACCOUNT; i++) {
        int64_t made = created(ALICE);
        ck_assert_str_eq(reply_str(c, "state"), "queued");
        ck_assert_int_eq(create(ALICE), LIMIT_REACHED);
        ck_assert_int_eq(take("p", &id, &try), 1);
        ck_assert_int_eq(id, made);
        ck_assert_int_eq(finish(id, "p", try), 1);
    }
    ck_assert_int_eq(create(ALICE), LIMIT_REACHED);
    created(BOB);
}
END_TEST

START_TEST(who_has_lost_its_lease_finishes_nothing)
{
    int64_t id = created(ALICE), first = 0, second = 0;

    ck_assert_int_eq(take("p", &id, &first), 1);
    ck_assert_int_eq(take("q", &id, &second), 0);
    number(
        "UPDATE account_export SET leased_until = now() - interval '1 second' WHERE id = %" PRId64
        " RETURNING 1",
        id);
    ck_assert_int_eq(take("q", &id, &second), 1);
    ck_assert_int_eq(second, first + 1);
    ck_assert_int_eq(finish(id, "p", first), 0);
    ck_assert_int_eq(finish(id, "q", second), 1);
}
END_TEST

START_TEST(a_stranger_neither_sees_nor_deletes)
{
    int64_t id = created(ALICE);
    struct account_export_delete_in in = {.export_id = id};
    struct account_export_content_in read = {.export_id = id};

    c = harness_call(OP_account_export_get, BOB);
    ck_assert_int_eq(harness_fast(c, Q_account_export_get, 1, ARGS(id)), NOT_FOUND);
    c = harness_call(OP_account_export_delete, BOB);
    ck_assert_int_eq(account_export_delete(c, &in), NOT_FOUND);
    c = harness_call(OP_account_export_content, BOB);
    ck_assert_int_eq(account_export_content(c, &read), NOT_FOUND);
    c = harness_call(OP_account_export_content, ALICE);
    ck_assert_int_eq(account_export_content(c, &read), EXPORT_NOT_READY);
    c = harness_call(OP_account_export_delete, ALICE);
    ck_assert_int_eq(account_export_delete(c, &in), DONE);
    c->committed = NULL;
}
END_TEST

START_TEST(an_entry_can_be_taken_back)
{
    cleanup(archive_drop) struct archive *a = NULL;
    cleanup(fd_drop) int fd = -1;
    char sha256[SHA256_HEX], data[4096];
    int64_t bytes = 0;

    ck_assert_int_eq(archive_open(filed.store, 1, 1, &a), DONE);
    ck_assert_int_eq(archive_begin(a, "one"), DONE);
    ck_assert_int_eq(archive_add(a, "1", 1), DONE);
    ck_assert_int_eq(archive_end(a), DONE);
    ck_assert_int_eq(archive_begin(a, "two"), DONE);
    ck_assert_int_eq(archive_add(a, "22", 2), DONE);
    ck_assert_int_eq(archive_undo(a), DONE);
    ck_assert_int_eq(archive_finish(a, &bytes, sha256), DONE);
    ck_assert_int_eq(bytes, 512 + 512 + 1024);
    ck_assert_int_eq(archive_read(filed.store, 1, 1, &fd), DONE);
    ck_assert_int_eq(read(fd, data, sizeof data), bytes);
    ck_assert_str_eq(data, "one");
    ck_assert_int_eq(data[512], '1');
    ck_assert_int_eq(data[1024], 0);
}
END_TEST

START_TEST(what_no_row_wants_is_swept)
{
    cleanup(archive_drop) struct archive *mine = NULL;
    cleanup(archive_drop) struct archive *lost = NULL;
    int64_t id = created(ALICE), try = 0, bytes;
    char sha256[SHA256_HEX];

    ck_assert_int_eq(take("p", &id, &try), 1);
    ck_assert_int_eq(archive_open(filed.store, id, try, &mine), DONE);
    ck_assert_int_eq(archive_open(filed.store, id, try - 1, &lost), DONE);
    ck_assert_int_eq(archives(), 2);
    c = harness_call(OP_account_export_list, ALICE);
    ck_assert_int_eq(exports_expire(c), DONE);
    ck_assert_int_eq(archives(), 1);
    ck_assert_int_eq(archive_finish(lost, &bytes, sha256), CONFLICT);
    ck_assert_int_eq(archive_finish(mine, &bytes, sha256), DONE);
    ck_assert_int_eq(finish(id, "p", try), 1);
    ck_assert_int_eq(exports_expire(c), DONE);
    ck_assert_int_eq(archives(), 1);
    number("UPDATE account_export SET expires_at = now() - interval '1 second' WHERE id = %" PRId64
           " RETURNING 1",
           id);
    ck_assert_int_eq(exports_expire(c), DONE);
    ck_assert_int_eq(exports_expire(c), DONE);
    ck_assert_int_eq(archives(), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("exports");

    tcase_add_checked_fixture(tests, begin_alone, end);
    tcase_add_test(tests, one_is_made_at_a_time_and_three_are_kept);
    tcase_add_test(tests, who_has_lost_its_lease_finishes_nothing);
    tcase_add_test(tests, a_stranger_neither_sees_nor_deletes);
    tcase_add_test(tests, an_entry_can_be_taken_back);
    tcase_add_test(tests, what_no_row_wants_is_swept);
    return check_run("filed_exports", tests);
}
