/* Refresh tokens: families, successors, and what is kept of them. */
#include <stdio.h>
#include <string.h>

#include "authd/refresh_token.h"
#include "tests/unit/check_main.h"

START_TEST(a_family_keeps_its_half)
{
    struct refresh_token first, next, other, read;

    refresh_token_new(&first);
    refresh_token_next(&first, &next);
    refresh_token_new(&other);
    ck_assert_uint_eq(strlen(first.text), REFRESH_SIZE - 1);
    ck_assert_str_ne(first.text, next.text);
    ck_assert_str_eq(first.family_hash, next.family_hash);
    ck_assert_str_ne(first.hash, next.hash);
    ck_assert_str_ne(first.family_hash, other.family_hash);
    ck_assert(refresh_token_read(next.text, &read));
    ck_assert_str_eq(read.hash, next.hash);
    ck_assert_str_eq(read.family_hash, next.family_hash);
}
END_TEST

START_TEST(what_is_no_token)
{
    struct refresh_token t;
    char text[64];

    refresh_token_new(&t);
    ck_assert(!refresh_token_read("", &t));
    ck_assert(!refresh_token_read("cbk_x", &t));
    snprintf(text, sizeof text, "%sA", t.text);
    ck_assert(!refresh_token_read(text, &t));
    snprintf(text, sizeof text, "%s", t.text);
    text[5] = '=';
    ck_assert(!refresh_token_read(text, &t));
    text[5] = 'A';
    text[REFRESH_SIZE - 2] = '\0';
    ck_assert(!refresh_token_read(text, &t));
}
END_TEST

START_TEST(the_next_one_opens_with_the_one_before)
{
    struct refresh_token first, next, opened;
    char sealed[2 * REFRESH_SEALED + 1];

    refresh_token_new(&first);
    refresh_token_next(&first, &next);
    refresh_token_seal(&first, &next, sealed);
    ck_assert_uint_eq(strlen(sealed), 2 * REFRESH_SEALED);
    ck_assert(refresh_token_open(&first, sealed, &opened));
    ck_assert_str_eq(opened.text, next.text);
    ck_assert(!refresh_token_open(&next, sealed, &opened));
    sealed[20] = sealed[20] == '0' ? '1' : '0';
    ck_assert(!refresh_token_open(&first, sealed, &opened));
    ck_assert(!refresh_token_open(&first, "", &opened));
    ck_assert(!refresh_token_open(&first, "zz", &opened));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("refresh_token");

    tcase_add_test(tests, a_family_keeps_its_half);
    tcase_add_test(tests, what_is_no_token);
    tcase_add_test(tests, the_next_one_opens_with_the_one_before);
    return check_run("refresh_token", tests);
}
