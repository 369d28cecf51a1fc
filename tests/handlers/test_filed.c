/* filed: uploads, lists, deletions, erasures and the collector, on a real database and disk. */
#include <dirent.h>

#include "filed/collector.h"
#include "filed/limits.h"
#include "tests/handlers/filed_rig.h"

static int left_over(void)
{
    char path[64];
    struct dirent *e;
    int n = 0;

    snprintf(path, sizeof path, "%s/incoming", dir);
    DIR *d = opendir(path);
    while ((e = readdir(d)))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static bool has_content(int64_t owner, const char *sha256)
{
    cleanup(fd_drop) int fd = -1;

    return store_read(filed.store, owner, sha256, &fd) == DONE;
}

#define HELLO_SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

START_TEST(an_upload_is_a_file)
{
    ck_assert_int_eq(upload(ALICE, "\xc3\xa9t\xc3\xa9 \"1\".txt", "hello"), DONE);
    ck_assert_int_eq(c->new_id, reply_i64(c, "id"));
    ck_assert_int_eq(reply_i64(c, "project_id"), PROJECT);
    ck_assert_str_eq(reply_str(c, "filename"), "\xc3\xa9t\xc3\xa9 \"1\".txt");
    ck_assert_int_eq(reply_i64(c, "bytes"), 5);
    ck_assert_str_eq(reply_str(c, "mime"), "text/plain");
    ck_assert_str_eq(reply_str(c, "sha256"), HELLO_SHA256);
    ck_assert_str_eq(reply_str(c, "status"), "stored");
    ck_assert(reply_is_null(c, "error"));
    ck_assert(reply_is_null(c, "provider_file_id"));
    ck_assert(has_content(ALICE, HELLO_SHA256));
    ck_assert_int_eq(left_over(), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM copy WHERE file_id = %" PRId64, c->new_id), 0);
    ck_assert_int_eq(number("SELECT bytes FROM storage WHERE owner_id = %" PRId64, ALICE), 5);
}
END_TEST

START_TEST(a_configured_provider_gets_a_copy)
{
    static int anything;

    filed.copies = (struct copies *)&anything; /* only asked whether it is there */
    ck_assert_int_eq(upload(ALICE, "a", "hello"), DONE);
    ck_assert_str_eq(reply_str(c, "status"), "uploading");
    ck_assert_int_eq(
        number("SELECT count(*) FROM copy WHERE state = 'wanted' AND file_id = %" PRId64,
               c->new_id),
        1);
}
END_TEST

START_TEST(the_same_content_is_kept_once_for_each_account)
{
    int64_t a = uploaded(ALICE, "a", "hello"), b = uploaded(ALICE, "b", "hello");

    uploaded(BOB, "c", "hello");
    ck_assert_int_eq(number("SELECT refs FROM blob WHERE owner_id = %" PRId64, ALICE), 2);
    ck_assert_int_eq(number("SELECT refs FROM blob WHERE owner_id = %" PRId64, BOB), 1);
    ck_assert(has_content(ALICE, HELLO_SHA256) && has_content(BOB, HELLO_SHA256));
    ck_assert_int_eq(file_drop(ALICE, a), DONE);
    ck_assert_int_eq(number("SELECT refs FROM blob WHERE owner_id = %" PRId64, ALICE), 1);
    ck_assert_int_eq(file_drop(ALICE, b), DONE);
    ck_assert_int_eq(file_drop(ALICE, b), NOT_FOUND);
    ck_assert_int_eq(number("SELECT refs FROM blob WHERE owner_id = %" PRId64, ALICE), 0);
    ck_assert_int_eq(number("SELECT bytes FROM storage WHERE owner_id = %" PRId64, ALICE), 0);
    ck_assert_int_eq(number("SELECT refs FROM blob WHERE owner_id = %" PRId64, BOB), 1);
}
END_TEST

START_TEST(nothing_is_left_of_what_is_refused)
{
    struct file_create_in in = {.project_id = PROJECT, .filename = "a"};

    ck_assert_int_eq(upload(ALICE, "a", ""), BAD_INPUT);
    ck_assert_str_eq(c->field, "file");
    upload_begin(ALICE, "hel", DATA_BROKEN);
    ck_assert_int_eq(upload_run(&in), UNAVAILABLE);
    in.project_id = FOREIGN;
    upload_begin(ALICE, "hello", DATA_LAST);
    ck_assert_int_eq(upload_run(&in), NOT_FOUND);
    c = harness_call(OP_file_list, ALICE);
    ck_assert_int_eq(left_over(), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE), 0);
}
END_TEST

START_TEST(what_is_rolled_back_leaves_no_file)
{
    ck_assert_int_eq(upload(ALICE, "a", "hello"), DONE);
    harness_rollback();
    c = harness_call(OP_file_list, ALICE);
    ck_assert_int_eq(left_over(), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE), 0);
}
END_TEST

START_TEST(storage_has_a_limit)
{
    struct file_create_in in = {.project_id = PROJECT, .filename = "a"};

    filed.storage_per_user = 10;
    uploaded(ALICE, "a", "hello");
    ck_assert_int_eq(upload(ALICE, "b", "123456"), TOO_LARGE);
    ck_assert_str_eq(c->field, "file");
    ck_assert_int_eq(number("SELECT bytes FROM storage WHERE owner_id = %" PRId64, ALICE), 5);
    uploaded(ALICE, "b", "12345");
    upload_begin(ALICE, "1", DATA_LAST);
    ck_assert_int_eq(file_create_prepare(c, &in), TOO_LARGE); /* before it is read */
    uploaded(BOB, "b", "not his");
    ck_assert_int_eq(left_over(), 0);
}
END_TEST

START_TEST(a_project_has_a_limit)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             "INSERT INTO file (owner_id, project_id, filename, bytes, mime, sha256) "
             "SELECT %d, %d, 'f', 0, 'x/y', '' FROM generate_series(1, %d) RETURNING id",
             ALICE, PROJECT, FILES_PER_PROJECT - 1);
    harness_sql(c, sql);
    uploaded(ALICE, "last", "hello");
    ck_assert_int_eq(upload(ALICE, "one more", "hello"), LIMIT_REACHED);
    ck_assert_ptr_nonnull(strstr(c->detail, "1000"));
}
END_TEST

START_TEST(without_room_it_is_said)
{
    store_drop(&filed.store);
    ck_assert_int_eq(store_open(dir, "me", INT64_MAX, &filed.store), DONE);
    ck_assert_int_eq(upload(ALICE, "a", "hello"), STORAGE_FULL);
}
END_TEST

/* ---- access ---- */

static int get(int64_t caller, int64_t id)
{
    c = harness_call(OP_file_get, caller);
    return harness_fast(c, Q_file_get, LIST_LIMIT, 1, (struct arg[]){arg_i64(id)});
}

START_TEST(others_see_and_change_nothing)
{
    int64_t id = uploaded(ALICE, "a", "hello");
    struct file_list_in list = {.project_id = PROJECT};
    struct file_content_in content = {.file_id = id};

    ck_assert_int_eq(get(ALICE, id), DONE);
    ck_assert_str_eq(reply_str(c, "filename"), "a");
    ck_assert_int_eq(get(BOB, id), NOT_FOUND);
    ck_assert_int_eq(file_drop(BOB, id), NOT_FOUND);
    c = harness_call(OP_file_list, BOB);
    ck_assert_int_eq(file_list(c, &list), NOT_FOUND);
    c = harness_call(OP_file_content, BOB);
    ck_assert_int_eq(file_content(c, &content), NOT_FOUND);
}
END_TEST

START_TEST(lists_are_pages)
{
    struct file_list_in in = {.project_id = PROJECT, .has_limit = true, .limit = 2};
    int64_t first = uploaded(ALICE, "a", "1"), second = uploaded(ALICE, "b", "2");
    char next[32];

    c = harness_call(OP_file_list, ALICE);
    ck_assert_int_eq(file_list(c, &in), DONE);
    snprintf(next, sizeof next, "%" PRId64, second);
    ck_assert_str_eq(c->next, next);
    in.has_after = true;
    in.after = first;
    c = harness_call(OP_file_list, ALICE);
    ck_assert_int_eq(file_list(c, &in), DONE);
    ck_assert_str_eq(c->next, "");
    snprintf(next, sizeof next, "[{\"id\":%" PRId64 ",", second);
    ck_assert_int_eq(strncmp(c->out.data, next, strlen(next)), 0);
    in.after = second;
    c = harness_call(OP_file_list, ALICE);
    ck_assert_int_eq(file_list(c, &in), DONE);
    ck_assert_str_eq(c->out.data, "[]");
}
END_TEST

/* ---- removing ---- */

START_TEST(copies_go_with_their_file)
{
    int64_t never = uploaded(ALICE, "a", "1"), sent = uploaded(ALICE, "b", "2"),
            present = uploaded(ALICE, "c", "3");
    char sql[512];

    snprintf(sql, sizeof sql,
             "INSERT INTO copy (file_id, state, try, provider_file_id) VALUES "
             "(%" PRId64 ", 'wanted', 0, NULL), (%" PRId64 ", 'uploading', 1, NULL), (%" PRId64
             ", 'present', 1, 'test-file-1')",
             never, sent, present);
    harness_sql(c, sql);
    ck_assert_int_eq(get(ALICE, present), DONE);
    ck_assert_str_eq(reply_str(c, "status"), "ready");
    ck_assert_str_eq(reply_str(c, "provider_file_id"), "test-file-1");
    ck_assert_int_eq(file_drop(ALICE, never), DONE);
    ck_assert_int_eq(file_drop(ALICE, sent), DONE);
    ck_assert_int_eq(file_drop(ALICE, present), DONE);
    ck_assert_int_eq(number("SELECT count(*) FROM copy WHERE file_id = %" PRId64, never), 0);
    ck_assert_int_eq(
        number("SELECT count(*) FROM copy WHERE state = 'deleting' AND file_id = %" PRId64, sent),
        1);
    ck_assert_int_eq(
        number("SELECT count(*) FROM copy WHERE state = 'deleting' AND file_id = %" PRId64,
               present),
        1);
}
END_TEST

static const char *erase(void)
{
    struct file_project_erase_in in = {.event_id = 1, .project_id = PROJECT};

    c = harness_call(OP_file_project_erase, ALICE);
    ck_assert_int_eq(file_project_erase(c, &in), DONE);
    return c->out.data;
}

START_TEST(a_project_is_erased_in_batches)
{
    struct file_create_in in = {.project_id = PROJECT, .filename = "late"};
    int64_t other = uploaded(BOB, "other", "hello");
    char name[8];

    for (int i = 0; i <= FILES_ERASED_AT_ONCE; i++) {
        snprintf(name, sizeof name, "%d", i);
        uploaded(ALICE, name, name);
    }
    upload_begin(ALICE, "hello", DATA_LAST);
    ck_assert_int_eq(file_create_prepare(c, &in), DONE);
    ck_assert_int_eq(number("UPDATE project_ref SET gone = true WHERE project_id = %" PRId64
                            " RETURNING 1",
                            PROJECT),
                     1);
    ck_assert_int_eq(file_create(c, &in), NOT_FOUND); /* the erasure came in between */
    ck_assert_str_eq(erase(), "{\"more\":true,\"wait\":0}");
    ck_assert_str_eq(erase(), "{\"more\":true,\"wait\":0}");
    ck_assert_str_eq(erase(), "{\"more\":false,\"wait\":0}");
    ck_assert_str_eq(erase(), "{\"more\":false,\"wait\":0}");
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE), 0);
    ck_assert_int_eq(number("SELECT bytes FROM storage WHERE owner_id = %" PRId64, ALICE), 0);
    ck_assert_int_eq(number("SELECT sum(refs) FROM blob WHERE owner_id = %" PRId64, ALICE), 0);
    ck_assert_int_eq(upload(ALICE, "too late", "hello"), NOT_FOUND);
    ck_assert_int_eq(get(BOB, other), DONE);
}
END_TEST

START_TEST(nothing_of_a_closed_project_is_found)
{
    struct file_project_close_in in = {.project_id = PROJECT};
    int64_t id = uploaded(ALICE, "a", "hello"), other = uploaded(BOB, "b", "hello");

    c = harness_call(OP_file_project_close, ALICE);
    ck_assert_int_eq(file_project_close(c, &in), DONE);
    ck_assert_int_eq(get(ALICE, id), NOT_FOUND);
    ck_assert_int_eq(file_drop(ALICE, id), NOT_FOUND);
    ck_assert_int_eq(upload(ALICE, "b", "late"), NOT_FOUND);
    ck_assert_int_eq(get(BOB, other), DONE);
    /* and it is still there to be erased */
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE), 1);
    ck_assert_str_eq(erase(), "{\"more\":true,\"wait\":0}");
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE), 0);
}
END_TEST

START_TEST(an_erasure_of_an_unknown_project_is_kept)
{
    ck_assert_str_eq(erase(), "{\"more\":false,\"wait\":0}");
    ck_assert_int_eq(upload(ALICE, "a", "hello"), NOT_FOUND);
}
END_TEST

START_TEST(unused_contents_are_collected)
{
    int64_t id = uploaded(ALICE, "a", "hello");

    uploaded(BOB, "a", "hello");
    ck_assert_int_eq(file_drop(ALICE, id), DONE);
    c = harness_call(OP_file_list, ALICE);
    ck_assert_int_eq(blobs_collect(c), DONE);
    ck_assert(has_content(ALICE, HELLO_SHA256)); /* not yet */
    number("UPDATE blob SET unused_since = now() - interval '2 hours' WHERE owner_id >= %" PRId64,
           ALICE);
    ck_assert_int_eq(blobs_collect(c), DONE);
    ck_assert(!has_content(ALICE, HELLO_SHA256));
    ck_assert(has_content(BOB, HELLO_SHA256));
    ck_assert_int_eq(number("SELECT count(*) FROM blob WHERE owner_id = %" PRId64, ALICE), 0);
    uploaded(ALICE, "again", "hello");
    ck_assert(has_content(ALICE, HELLO_SHA256));
}
END_TEST

START_TEST(the_role_may_not_change_the_schema)
{
    ck_assert_str_eq(harness_sql_error(c, "DROP TABLE file"), "42501");
    ck_assert_str_eq(harness_sql_error(c, "SELECT 1 FROM project.project"), "42501");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("filed");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, an_upload_is_a_file);
    tcase_add_test(t, a_configured_provider_gets_a_copy);
    tcase_add_test(t, the_same_content_is_kept_once_for_each_account);
    tcase_add_test(t, nothing_is_left_of_what_is_refused);
    tcase_add_test(t, what_is_rolled_back_leaves_no_file);
    tcase_add_test(t, storage_has_a_limit);
    tcase_add_test(t, a_project_has_a_limit);
    tcase_add_test(t, without_room_it_is_said);
    tcase_add_test(t, others_see_and_change_nothing);
    tcase_add_test(t, lists_are_pages);
    tcase_add_test(t, copies_go_with_their_file);
    tcase_add_test(t, a_project_is_erased_in_batches);
    tcase_add_test(t, nothing_of_a_closed_project_is_found);
    tcase_add_test(t, an_erasure_of_an_unknown_project_is_kept);
    tcase_add_test(t, unused_contents_are_collected);
    tcase_add_test(t, the_role_may_not_change_the_schema);
    return check_run("filed", t);
}
