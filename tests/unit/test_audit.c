/* The hash of an audit entry, against sha256sum. */
#include <check.h>

#include "authd/audit_chain.h"
#include "tests/unit/check_main.h"

START_TEST(every_field_counts)
{
    const struct audit_entry base = {1, 2, 3, 4, "login", "session:5", "x", "auth", 6};
    const char *zeros = "0000000000000000000000000000000000000000000000000000000000000000";
    struct audit_entry e[9];
    char hash[10][AUDIT_HASH_HEX];

    for (size_t i = 0; i < 9; i++)
        e[i] = base;
    e[0].id = e[1].at_us = e[2].actor = e[3].account = e[8].event = 7;
    e[4].action = e[5].object = e[6].detail = e[7].source = "7";
    audit_hash(zeros, &base, hash[9]);
    ck_assert_str_eq(hash[9], "20ffea1b3b1a9bd7300830f9fc452962f5eaed9e43bbcabb49601374285e5785");
    for (size_t i = 0; i < 9; i++) {
        audit_hash(zeros, &e[i], hash[i]);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(hash[k], hash[i]);
        ck_assert_str_ne(hash[9], hash[i]);
    }
    audit_hash(hash[0], &base, hash[0]);
    ck_assert_str_ne(hash[0], hash[9]);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("audit");

    tcase_add_test(t, every_field_counts);
    return check_run("audit", t);
}
