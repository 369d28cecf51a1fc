/* filed: uploads, lists, deletions, erasures and the collector, on a real database and disk. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/transfer.h"
#include "filed/collector.h"
#include "filed/filed.h"
#include "filed/limits.h"
#include "filed/mime.h"
#include "filed/queries.h"
#include "filed/store.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE   7000001
#define BOB     7000002
#define PROJECT 9000001
#define FOREIGN 9000002 /* Bob's */

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "filed/queries.def"
    {0},
};

static char dir[] = "/tmp/chatbot-filed-XXXXXX";
static struct filed filed;
static struct transfer *transfer;
static struct call *c;

/* What projectd would say. */
static int access_fake(struct call *call, int64_t project_id)
{
    return project_id == (call->caller == ALICE ? PROJECT : FOREIGN) ? DONE : NOT_FOUND;
}

static void begin(void)
{
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    filed = (struct filed){.storage_per_user = 1000, .access = access_fake, .mime = mime_new()};
    ck_assert_int_eq(store_open(dir, "me", 0, &filed.store), DONE);
    harness_open("filed", "file", queries, &filed);
    c = harness_call(OP_file_list, ALICE);
}

static void end(void)
{
    char command[80];

    harness_close();
    if (transfer)
        transfer_close(&transfer);
    store_drop(&filed.store);
    mime_drop(&filed.mime);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

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

/* The first value of a statement, as a number; -1: none. */
static int64_t number(const char *fmt, int64_t value)
{
    char sql[512];
    const char *found;

    snprintf(sql, sizeof sql, fmt, value);
    found = harness_sql(c, sql);
    return found ? strtoll(found, NULL, 10) : -1;
}

/* ---- uploads ---- */

static void send_piece(uint32_t n, const char *text, size_t size, int last)
{
    zmq_msg_t payload;
    struct envelope e = {.kind = FRAME_DATA, .id = 1, .n = n, .last = (uint8_t)last};

    zmq_msg_init_size(&payload, size);
    memcpy(zmq_msg_data(&payload), text, size);
    transfer_data(transfer, &e, &payload);
    zmq_msg_close(&payload);
}

static void upload_begin(int64_t owner, const char *text, int last)
{
    uint32_t n = 1;

    if (transfer) {
        harness_call(OP_file_list, owner);
        transfer_close(&transfer);
    }
    transfer = transfer_open(NULL, 0, 0, 1);
    for (size_t left = strlen(text); left; n++) {
        size_t piece = left < DATA_MAX ? left : DATA_MAX;
        send_piece(n, text, piece, DATA_MORE);
        text += piece;
        left -= piece;
    }
    send_piece(n, "", 0, last);
    c = harness_call(OP_file_create, owner);
    c->transfer = transfer;
}

static int upload_run(const struct file_create_in *in)
{
    int r = file_create_prepare(c, in);

    return r ? r : file_create(c, in);
}

static int upload(int64_t owner, const char *name, const char *text)
{
    struct file_create_in in = {.project_id = owner == ALICE ? PROJECT : FOREIGN, .filename = name};

    upload_begin(owner, text, DATA_LAST);
    return upload_run(&in);
}

static int64_t uploaded(int64_t owner, const char *name, const char *text)
{
    int64_t id;

    ck_assert_int_eq(upload(owner, name, text), DONE);
    id = reply_i64(c, "id");
    c = harness_call(OP_file_list, owner); /* the runtime's end of the call */
    return id;
}

static int file_drop(int64_t caller, int64_t id)
{
    struct file_delete_in in = {.file_id = id};

    c = harness_call(OP_file_delete, caller);
    return file_delete(c, &in);
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

/* ---- for chats ---- */

static const char *used(int64_t caller, int64_t project, const char *ids)
{
    c = harness_call(OP_file_use, caller);
    ck_assert_int_eq(
        harness_fast(c, Q_file_use, LIST_LIMIT, 2, (struct arg[]){arg_i64(project), arg_str(ids)}),
        DONE);
    return c->out.data;
}

START_TEST(chats_see_files_of_the_project)
{
    int64_t a = uploaded(ALICE, "a.txt", "hello"), b = uploaded(ALICE, "b", "world");
    int64_t his = uploaded(BOB, "c", "his");
    char ids[80], row[400];

    number("INSERT INTO copy (file_id, state, try, provider_file_id) VALUES (%" PRId64
           ", 'present', 1, 'test-file-2') RETURNING 1",
           b);
    snprintf(ids, sizeof ids, "{%" PRId64 ",%" PRId64 ",%" PRId64 ",999999999}", his, b, a);
    snprintf(row, sizeof row,
             "{\"id\" : %" PRId64 ", \"filename\" : \"b\", \"mime\" : \"text/plain\", \"bytes\" : "
             "5, \"status\" : \"ready\", \"error\" : null, \"provider_file_id\" : \"test-file-2\"}",
             b);
    ck_assert_msg(strstr(used(ALICE, PROJECT, ids), row) != NULL, "%s", c->out.data);
    ck_assert_ptr_nonnull(strstr(c->out.data, "\"filename\" : \"a.txt\""));
    ck_assert_ptr_nonnull(strstr(c->out.data, "\"status\" : \"stored\""));
    ck_assert_ptr_null(strstr(c->out.data, "\"filename\" : \"c\""));
    ck_assert_str_eq(used(ALICE, FOREIGN, ids), "{\"files\":[]}");
    ck_assert_str_eq(used(BOB, PROJECT, ids), "{\"files\":[]}");
    ck_assert_int_eq(file_drop(ALICE, b), DONE);
    used(ALICE, PROJECT, ids);
    ck_assert_ptr_null(strstr(c->out.data, "test-file-2"));
}
END_TEST

static int text_of(int64_t caller, int64_t project, int64_t file)
{
    struct file_text_in in = {.project_id = project, .file_id = file};

    c = harness_call(OP_file_text, caller);
    return file_text(c, &in);
}

START_TEST(texts_are_given_and_nothing_else)
{
    static char large[FILE_TEXT_MAX + 2];
    int64_t id = uploaded(ALICE, "a", "h\xc3\xa9llo \"1\"\n");

    filed.storage_per_user = 4 * FILE_TEXT_MAX;
    ck_assert_int_eq(text_of(ALICE, PROJECT, id), DONE);
    ck_assert_str_eq(reply_str(c, "text"), "h\xc3\xa9llo \"1\"\n");
    ck_assert_int_eq(reply_i64(c, "id"), id);
    ck_assert_int_eq(text_of(BOB, PROJECT, id), NOT_FOUND);
    ck_assert_int_eq(text_of(ALICE, FOREIGN, id), NOT_FOUND);
    ck_assert_int_eq(text_of(ALICE, PROJECT, uploaded(ALICE, "b", "caf\xe9 au lait")), BAD_INPUT);
    ck_assert_int_eq(text_of(ALICE, PROJECT, uploaded(ALICE, "b", "%PDF-1.4\n1 0 obj\n")),
                     BAD_INPUT);
    ck_assert_int_eq(file_drop(ALICE, id), DONE);
    ck_assert_int_eq(text_of(ALICE, PROJECT, id), NOT_FOUND);
    memset(large, 'x', sizeof large - 1);
    large[FILE_TEXT_MAX] = '\0';
    ck_assert_int_eq(text_of(ALICE, PROJECT, uploaded(ALICE, "l", large)), DONE);
    ck_assert_uint_eq(strlen(reply_str(c, "text")), FILE_TEXT_MAX);
    large[FILE_TEXT_MAX] = 'x';
    ck_assert_int_eq(text_of(ALICE, PROJECT, uploaded(ALICE, "l", large)), BAD_INPUT);
}
END_TEST

/* Where the provider is given texts no copy is wanted. */
START_TEST(copies_only_for_who_asks_by_file)
{
    static int anything;

    filed.copies = (struct copies *)&anything;
    filed.no_copies = true;
    ck_assert_int_eq(upload(ALICE, "a", "hello"), DONE);
    ck_assert_str_eq(reply_str(c, "status"), "stored");
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
    ck_assert_str_eq(erase(), "{\"more\":true}");
    ck_assert_str_eq(erase(), "{\"more\":true}");
    ck_assert_str_eq(erase(), "{\"more\":false}");
    ck_assert_str_eq(erase(), "{\"more\":false}");
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
    ck_assert_str_eq(erase(), "{\"more\":true}");
    ck_assert_int_eq(number("SELECT count(*) FROM file WHERE owner_id = %" PRId64, ALICE), 0);
}
END_TEST

START_TEST(an_erasure_of_an_unknown_project_is_kept)
{
    ck_assert_str_eq(erase(), "{\"more\":false}");
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
    tcase_add_test(t, chats_see_files_of_the_project);
    tcase_add_test(t, texts_are_given_and_nothing_else);
    tcase_add_test(t, copies_only_for_who_asks_by_file);
    tcase_add_test(t, copies_go_with_their_file);
    tcase_add_test(t, a_project_is_erased_in_batches);
    tcase_add_test(t, nothing_of_a_closed_project_is_found);
    tcase_add_test(t, an_erasure_of_an_unknown_project_is_kept);
    tcase_add_test(t, unused_contents_are_collected);
    tcase_add_test(t, the_role_may_not_change_the_schema);
    return check_run("filed", t);
}
