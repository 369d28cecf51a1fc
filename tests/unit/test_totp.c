/* Codes of RFC 6238's test vectors, the skew of one step, and the address that apps read. */
#include "authd/totp.h"

#include <stdlib.h>
#include <string.h>

#include "authd/recovery_code.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

/* The secret of RFC 6238, appendix B. */
static const struct totp_secret rfc = {"12345678901234567890"};

START_TEST(codes_of_the_rfc)
{
    static const struct {
        int64_t time;
        const char *code; /* its last six digits */
    } rows[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char code[TOTP_DIGITS + 1];
        int64_t step = 0;
        totp_code(&rfc, rows[i].time / TOTP_STEP_S, code);
        ck_assert_str_eq(code, rows[i].code);
        ck_assert(totp_matches(&rfc, code, rows[i].time, &step));
        ck_assert_int_eq(step, rows[i].time / TOTP_STEP_S);
    }
}
END_TEST

START_TEST(one_step_of_skew_and_no_more)
{
    int64_t now = 1234567890, step = 0;

    for (int off = -3; off <= 3; off++) {
        char code[TOTP_DIGITS + 1];
        totp_code(&rfc, now / TOTP_STEP_S + off, code);
        ck_assert_int_eq(totp_matches(&rfc, code, now, &step), abs(off) <= 1);
        if (abs(off) <= 1)
            ck_assert_int_eq(step, now / TOTP_STEP_S + off);
    }
    ck_assert(!totp_matches(&rfc, "", now, &step));
    ck_assert(!totp_matches(&rfc, "00592", now, &step));
    ck_assert(!totp_matches(&rfc, "0059241", now, &step));
    ck_assert(!totp_matches(&rfc, " 05924", now, &step));
}
END_TEST

START_TEST(the_address_for_apps)
{
    cleanup(text_drop) struct text uri = {0};
    char base32[TOTP_BASE32_SIZE];

    totp_base32(&rfc, base32);
    ck_assert_str_eq(base32, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    totp_uri(&rfc, "A site & more", "ann+x@example.com", &uri);
    ck_assert_str_eq(uri.data, "otpauth://totp/A%20site%20%26%20more:ann%2Bx%40example.com"
                               "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                               "&issuer=A%20site%20%26%20more&algorithm=SHA1&digits=6&period=30");
}
END_TEST

START_TEST(recovery_codes_are_random_and_forgive_spelling)
{
    char one[RECOVERY_CODE_SIZE], other[RECOVERY_CODE_SIZE];
    char hash[RECOVERY_HEX_SIZE], again[RECOVERY_HEX_SIZE];

    recovery_code_new(one);
    recovery_code_new(other);
    ck_assert_uint_eq(strlen(one), RECOVERY_CODE_SIZE - 1);
    ck_assert_str_ne(one, other);
    ck_assert(recovery_code_hash("abcd-efgh-2345-mnop", hash));
    ck_assert(recovery_code_hash(" ABCD efgh2345--MnOp ", again));
    ck_assert_str_eq(hash, again);
    ck_assert(recovery_code_hash("abcd-efgh-2345-mnoq", again));
    ck_assert_str_ne(hash, again);
    ck_assert(!recovery_code_hash("", hash));
    ck_assert(!recovery_code_hash("123456", hash));
    ck_assert(!recovery_code_hash("abcd-efgh-2345-mno", hash));
    ck_assert(!recovery_code_hash("abcd-efgh-2345-mnopq", hash));
    ck_assert(!recovery_code_hash("abcd-efgh-2345-mno1", hash));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("totp");

    tcase_add_test(tests, codes_of_the_rfc);
    tcase_add_test(tests, one_step_of_skew_and_no_more);
    tcase_add_test(tests, the_address_for_apps);
    tcase_add_test(tests, recovery_codes_are_random_and_forgive_spelling);
    return check_run("totp", tests);
}
