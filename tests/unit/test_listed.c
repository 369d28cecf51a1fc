/* What a sweep does about a listed copy. */
#include "filed/listed.h"
#include "tests/unit/check_main.h"

#define BYTES 10

static enum listed compare(const char *state, const char *id, int64_t row_try, bool leased,
                           int64_t listed_try)
{
    struct listed_row row = {true, state, id, row_try, BYTES, leased};

    return listed_compare(&row, "file-x", listed_try, BYTES);
}

START_TEST(without_a_row_it_is_nobodys)
{
    struct listed_row none = {.exists = false};

    ck_assert_int_eq(listed_compare(&none, "file-x", 1, BYTES), LISTED_ORPHAN);
}
END_TEST

START_TEST(the_known_copy_is_seen)
{
    ck_assert_int_eq(compare("present", "file-x", 1, false, 1), LISTED_SEEN);
    ck_assert_int_eq(compare("deleting", "file-x", 1, false, 1), LISTED_LEAVE);
}
END_TEST

START_TEST(a_second_copy_is_nobodys)
{
    ck_assert_int_eq(compare("present", "file-y", 2, false, 1), LISTED_ORPHAN);
    ck_assert_int_eq(compare("present", "file-y", 1, false, 2), LISTED_ORPHAN);
    ck_assert_int_eq(compare("deleting", "file-y", 1, false, 1), LISTED_ORPHAN);
}
END_TEST

START_TEST(the_try_under_way_is_left)
{
    ck_assert_int_eq(compare("uploading", "", 2, true, 2), LISTED_LEAVE);
    ck_assert_int_eq(compare("uploading", "", 2, true, 1), LISTED_ORPHAN);
    ck_assert_int_eq(compare("deleting", "", 2, true, 2), LISTED_LEAVE);
    ck_assert_int_eq(compare("deleting", "", 2, true, 1), LISTED_ORPHAN);
    ck_assert_int_eq(compare("deleting", "", 2, false, 2), LISTED_ORPHAN);
}
END_TEST

START_TEST(a_lost_answer_is_found)
{
    ck_assert_int_eq(compare("wanted", "", 2, false, 2), LISTED_ADOPT);
    ck_assert_int_eq(compare("wanted", "", 2, false, 1), LISTED_ADOPT);
    ck_assert_int_eq(compare("failed", "", 20, false, 20), LISTED_ADOPT);
}
END_TEST

START_TEST(what_cannot_be_ours_is_not_taken)
{
    struct listed_row row = {true, "wanted", "", 2, BYTES, false};

    ck_assert_int_eq(compare("wanted", "", 2, false, 3), LISTED_ORPHAN);
    ck_assert_int_eq(listed_compare(&row, "file-x", 2, BYTES - 1), LISTED_ORPHAN);
    row.bytes = -1;
    ck_assert_int_eq(listed_compare(&row, "file-x", 2, BYTES), LISTED_ORPHAN);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("listed");

    tcase_add_test(t, without_a_row_it_is_nobodys);
    tcase_add_test(t, the_known_copy_is_seen);
    tcase_add_test(t, a_second_copy_is_nobodys);
    tcase_add_test(t, the_try_under_way_is_left);
    tcase_add_test(t, a_lost_answer_is_found);
    tcase_add_test(t, what_cannot_be_ours_is_not_taken);
    return check_run("listed", t);
}
