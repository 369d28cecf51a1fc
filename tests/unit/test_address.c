/* authd/address.h: which addresses are taken, and when two are the same. */
#include "authd/address.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/check_main.h"

static const char *const good[] = {
    "a@b.c",
    "user@example.com",
    "User.Name+tag@Mail.Example.co.uk",
    "o'brien@example.com",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    "a@localhost",
    "a@LocalHost",
    "1@1and1.com",
    "a@xn--bcher-kva.example",
    "a@b-c.d1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", /* 64 */
    "a@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.com",        /* 63 */
};

static const char *const bad[] = {
    "",
    "@",
    "a",
    "a.b.c",
    "@b.c",
    "a@",
    "a@b",
    "a@.b",
    "a@b.",
    "a@b..c",
    "a@b.c.",
    "a@@b.c",
    "a@b@c.d",
    ".a@b.c",
    "a.@b.c",
    "a..b@c.d",
    "a b@c.d",
    " a@b.c",
    "a@b.c ",
    "a@b .c",
    "a\t@b.c",
    "a@b.c\n",
    "a@b.c\r\nBcc: x@y.z",
    "a\x7f@b.c",
    "a,b@c.d",
    "a;b@c.d",
    "a:b@c.d",
    "<a@b.c>",
    "(x)a@b.c",
    "\"a b\"@c.d",
    "a\\b@c.d",
    "a@[127.0.0.1]",
    "a@127.0.0.1",
    "a@-b.c",
    "a@b-.c",
    "a@b_c.d",
    "a@b/c.d",
    "\xc3\xbc@b.c",
    "a@b\xc3\xbc.c",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", /* 65 */
    "a@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.com",        /* 64 */
};

START_TEST(taken)
{
    const char *why = address_check(good[_i]);

    ck_assert_msg(!why, "%s: %s", good[_i], why);
}
END_TEST

START_TEST(refused)
{
    ck_assert_msg(address_check(bad[_i]) != NULL, "%s is taken", bad[_i]);
}
END_TEST

/* local, then labels of 61 and a last one */
static void long_address(size_t size, char *ret)
{
    memset(ret, 'a', size);
    ret[size] = '\0';
    ret[60] = '@';
    for (size_t i = 120; i < size - 2; i += 60)
        ret[i] = '.';
}

START_TEST(length)
{
    char address[300];

    long_address(254, address);
    ck_assert_ptr_null(address_check(address));
    long_address(255, address);
    ck_assert_str_eq(address_check(address), "is too long");
}
END_TEST

START_TEST(key_lowers_ascii_only)
{
    char key[ADDRESS_MAX + 1];

    address_key("MiXed.Case@Example.COM", key);
    ck_assert_str_eq(key, "mixed.case@example.com");
    address_key("[\\]^_`{@Z", key); /* neighbours of the letters stay */
    ck_assert_str_eq(key, "[\\]^_`{@z");
    address_key("\xc3\x9c@b.c", key);
    ck_assert_str_eq(key, "\xc3\x9c@b.c");
    address_key("", key);
    ck_assert_str_eq(key, "");
}
END_TEST

START_TEST(key_is_bounded)
{
    char key[ADDRESS_MAX + 1], address[400];

    memset(address, 'A', sizeof address - 1);
    address[sizeof address - 1] = '\0';
    address_key(address, key);
    ck_assert_uint_eq(strlen(key), ADDRESS_MAX);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("address");

    tcase_add_loop_test(tests, taken, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(tests, refused, 0, sizeof bad / sizeof *bad);
    tcase_add_test(tests, length);
    tcase_add_test(tests, key_lowers_ascii_only);
    tcase_add_test(tests, key_is_bounded);
    return check_run("address", tests);
}
