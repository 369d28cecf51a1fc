/* What filed tells chatd of files. */
#include "tests/handlers/filed_rig.h"

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
    snprintf(
        row, sizeof row,
        "{\"id\" : %" PRId64 ", \"filename\" : \"b\", \"mime\" : \"text/plain\", \"bytes\" : "
        "5, \"sha256\" : \"486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7\", "
        "\"status\" : \"ready\", \"error\" : null, \"provider_file_id\" : \"test-file-2\"}",
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

int main(void)
{
    TCase *t = tcase_create("filed_use");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, chats_see_files_of_the_project);
    tcase_add_test(t, texts_are_given_and_nothing_else);
    tcase_add_test(t, copies_only_for_who_asks_by_file);
    return check_run("filed_use", t);
}
