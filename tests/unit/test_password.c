/* authd/password.h and authd/phc.h: policy, PHC strings, hashing. */
#include "authd/password.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/api.h"
#include "tests/unit/check_main.h"

/* Cheap: these tests are about results, not about strength. */
static const struct password_cost cheap = {.memory_kib = 64, .passes = 1};

/* From the reference implementation's own tests: password "password", salt "somesalt". */
static const char *const vectors[] = {
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
};

START_TEST(policy)
{
    char longest[PASSWORD_BYTES_MAX + 2];

    ck_assert_ptr_null(password_check("qzbdefg1"));
    ck_assert_ptr_null(password_check("1 correct horse"));
    ck_assert_ptr_null(password_check("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9\xc3\xa8\xc3\xa0"
                                      "1"));
    ck_assert_str_eq(password_check("abcdef1"), "must have at least 8 characters");
    /* 8 bytes, 5 characters */
    ck_assert_str_eq(password_check("\xc3\xa4\xc3\xb6\xc3\xbc"
                                    "a1"),
                     "must have at least 8 characters");
    ck_assert_str_eq(password_check("12345678"), "must contain a letter");
    ck_assert_str_eq(password_check("!!!! 1234"), "must contain a letter");
    ck_assert_str_eq(password_check("abcdefgh"), "must contain a digit");
    memset(longest, 'a', sizeof longest);
    longest[0] = '1';
    longest[PASSWORD_BYTES_MAX] = '\0';
    ck_assert_ptr_null(password_check(longest));
    longest[PASSWORD_BYTES_MAX] = 'a';
    longest[PASSWORD_BYTES_MAX + 1] = '\0';
    ck_assert_str_eq(password_check(longest), "must have at most 256 characters");
}
END_TEST

START_TEST(reference_vectors)
{
    char text[PHC_TEXT_MAX];
    struct phc p;

    ck_assert_int_eq(password_verify(vectors[_i], "password"), DONE);
    ck_assert_int_eq(password_verify(vectors[_i], "Password"), BAD_LOGIN);
    ck_assert(phc_read(vectors[_i], &p));
    phc_write(&p, text);
    ck_assert_str_eq(text, vectors[_i]);
}
END_TEST

START_TEST(round_trip)
{
    char a[PASSWORD_HASH_MAX], b[PASSWORD_HASH_MAX];

    ck_assert_int_eq(password_hash("Secret pass 1", &cheap, a), DONE);
    ck_assert_int_eq(password_hash("Secret pass 1", &cheap, b), DONE);
    ck_assert_str_ne(a, b); /* salted */
    ck_assert_int_eq(strncmp(a, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
    ck_assert_int_eq(password_verify(a, "Secret pass 1"), DONE);
    ck_assert_int_eq(password_verify(b, "Secret pass 1"), DONE);
    ck_assert_int_eq(password_verify(a, "Secret pass 2"), BAD_LOGIN);
    ck_assert_int_eq(password_verify(a, "Secret pass 1 "), BAD_LOGIN);
    ck_assert_int_eq(password_verify(a, ""), BAD_LOGIN);
}
END_TEST

/* A login for an unknown address must cost what one for a known address costs. */
START_TEST(nobody_costs_the_same)
{
    char nobody[PASSWORD_HASH_MAX], somebody[PASSWORD_HASH_MAX];
    struct phc n, s;

    ck_assert_int_eq(password_nobody(&cheap, nobody), DONE);
    ck_assert_int_eq(password_hash("Secret pass 1", &cheap, somebody), DONE);
    ck_assert(phc_read(nobody, &n) && phc_read(somebody, &s));
    ck_assert_uint_eq(n.memory_kib, s.memory_kib);
    ck_assert_uint_eq(n.passes, s.passes);
    ck_assert_uint_eq(n.lanes, s.lanes);
    ck_assert_uint_eq(n.salt_size, s.salt_size);
    ck_assert_uint_eq(n.hash_size, s.hash_size);
    ck_assert_int_eq(password_verify(nobody, ""), BAD_LOGIN);
    ck_assert_int_eq(password_verify(nobody, "Secret pass 1"), BAD_LOGIN);
}
END_TEST

START_TEST(outdated)
{
    struct password_cost more_memory = {65, 1}, more_passes = {64, 2}, less = {32, 1};
    char hash[PASSWORD_HASH_MAX];

    ck_assert_int_eq(password_hash("Secret pass 1", &cheap, hash), DONE);
    ck_assert(!password_is_outdated(hash, &cheap));
    ck_assert(!password_is_outdated(hash, &less));
    ck_assert(password_is_outdated(hash, &more_memory));
    ck_assert(password_is_outdated(hash, &more_passes));
}
END_TEST

#define SALT "c29tZXNhbHQ"
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

static const char *const unreadable[] = {
    "",
    "password",
    "$argon2i$v=19$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2d$v=19$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=16$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=0,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=0256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=-256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=1048577,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=99999999999999999999,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=65,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=17$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2$" SALT "$" HASH,
    "$argon2id$v=19$t=2,m=256,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1$" SALT,
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$",
    "$argon2id$v=19$m=256,t=2,p=1$$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$" HASH,       /* 4 bytes of salt */
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$" HASH, /* padded */
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" HASH,  /* loose bits */
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$nf65EOgLrQMR_uIPnA4rEsF5h7TKyQwu9U1bMCHGi_4",
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "$",
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH HASH HASH,
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "\n",
};

START_TEST(unreadable_is_a_fault)
{
    struct phc p;

    ck_assert_msg(!phc_read(unreadable[_i], &p), "%s is read", unreadable[_i]);
    ck_assert_int_lt(password_verify(unreadable[_i], "password"), 0);
    ck_assert(!password_is_outdated(unreadable[_i], &cheap));
}
END_TEST

/* Password "password", as passlib's pbkdf2_sha256 writes it. */
#define OLD      "$pbkdf2-sha256$"
#define OLD_HASH "j4Aa14inUtOh7Sg/D7hH54ohymuHNQD4.ccfhepGWAY"

START_TEST(old_hashes)
{
    static const char good[] = OLD "1000$" SALT "$" OLD_HASH;
    static const char *const bad[] = {
        OLD "1000$" SALT "$" OLD_HASH "$",
        OLD "01000$" SALT "$" OLD_HASH,
        OLD "0$" SALT "$" OLD_HASH,
        OLD "1000001$" SALT "$" OLD_HASH,
        OLD "1000$" SALT,
        OLD "1000$$" OLD_HASH,
        OLD "1000$" SALT "=$" OLD_HASH,
        OLD "1000$" SALT "$" SALT,
        OLD "1000$" SALT OLD_HASH OLD_HASH "$" OLD_HASH,
        "$pbkdf2-sha512$1000$" SALT "$" OLD_HASH,
        "pbkdf2_sha256$1000$" SALT "$" OLD_HASH,
    };
    struct pbkdf2 p;

    ck_assert(pbkdf2_read(good, &p));
    ck_assert_uint_eq(p.rounds, 1000);
    ck_assert_uint_eq(p.salt_size, 8);
    ck_assert_int_eq(password_verify(good, "password"), DONE);
    ck_assert_int_eq(password_verify(good, "Password"), BAD_LOGIN);
    ck_assert_int_eq(password_verify(good, ""), BAD_LOGIN);
    ck_assert(password_is_outdated(good, &cheap));
    ck_assert_int_eq(password_pad(good, &cheap, 2000, "Password"), DONE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(!pbkdf2_read(bad[i], &p), "%s is read", bad[i]);
        ck_assert_int_lt(password_verify(bad[i], "password"), 0);
    }
}
END_TEST

static long resident_pages(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long total, resident;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident;
}

START_TEST(memory_goes_back)
{
    static const struct password_cost big = {.memory_kib = 65536, .passes = 1};
    char hash[PASSWORD_HASH_MAX];
    long before, grown;

    ck_assert_int_eq(password_hash("warm up 1", &cheap, hash), DONE);
    before = resident_pages();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(password_hash("Secret pass 1", &big, hash), DONE);
    grown = (resident_pages() - before) * (sysconf(_SC_PAGESIZE) / 1024);
    ck_assert_msg(grown < 16384, "%ld KiB more are resident", grown);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("password");

    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, policy);
    tcase_add_loop_test(tests, reference_vectors, 0, sizeof vectors / sizeof *vectors);
    tcase_add_test(tests, round_trip);
    tcase_add_test(tests, nobody_costs_the_same);
    tcase_add_test(tests, outdated);
    tcase_add_loop_test(tests, unreadable_is_a_fault, 0, sizeof unreadable / sizeof *unreadable);
    tcase_add_test(tests, old_hashes);
    tcase_add_test(tests, memory_goes_back);
    return check_run("password", tests);
}
