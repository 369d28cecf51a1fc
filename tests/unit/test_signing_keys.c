/* authd/sealing.h and authd/signing_keys.h: what is sealed opens, and nothing else does. */
#include "authd/signing_keys.h"

#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/token.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER  "0123456789abcdef0123456789abcdeF"

/* RFC 5869, test case 3: no salt, no info */
START_TEST(derive_vector)
{
    unsigned char key[SEAL_KEY_SIZE];
    char hex[2 * SEAL_KEY_SIZE + 1], input[23];

    memset(input, 0x0b, 22);
    input[22] = '\0';
    seal_key_derive(input, "", key);
    hex_encode(key, sizeof key, hex);
    ck_assert_str_eq(hex, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}
END_TEST

START_TEST(derive_separates)
{
    unsigned char a[SEAL_KEY_SIZE], b[SEAL_KEY_SIZE], c[SEAL_KEY_SIZE];

    seal_key_derive(SECRET, "one", a);
    seal_key_derive(SECRET, "two", b);
    seal_key_derive(OTHER, "one", c);
    ck_assert_mem_ne(a, b, sizeof a);
    ck_assert_mem_ne(a, c, sizeof a);
    seal_key_derive(SECRET, "one", b);
    ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

static const char plain[] = "a text of some length";

START_TEST(seal_round_trip)
{
    unsigned char key[SEAL_KEY_SIZE], a[sizeof plain + SEAL_OVERHEAD], b[sizeof a];
    unsigned char back[sizeof plain];

    seal_key_derive(SECRET, "test", key);
    seal(key, "bound", plain, sizeof plain, a);
    seal(key, "bound", plain, sizeof plain, b);
    ck_assert_mem_ne(a, b, sizeof a); /* a fresh nonce */
    ck_assert(seal_open(key, "bound", a, sizeof a, back));
    ck_assert_mem_eq(back, plain, sizeof plain);
    ck_assert(!seal_open(key, "Bound", a, sizeof a, back));
    seal_key_derive(OTHER, "test", key);
    ck_assert(!seal_open(key, "bound", a, sizeof a, back));
}
END_TEST

START_TEST(seal_empty)
{
    unsigned char key[SEAL_KEY_SIZE], sealed[SEAL_OVERHEAD], back[1];

    seal_key_derive(SECRET, "test", key);
    seal(key, "", "", 0, sealed);
    ck_assert(seal_open(key, "", sealed, sizeof sealed, back));
}
END_TEST

/* Every single bit counts, and so does the size; nothing of the text is left behind. */
START_TEST(seal_tamper)
{
    unsigned char key[SEAL_KEY_SIZE], sealed[sizeof plain + SEAL_OVERHEAD], back[sizeof plain];
    static const unsigned char wiped[sizeof plain];

    seal_key_derive(SECRET, "test", key);
    seal(key, "bound", plain, sizeof plain, sealed);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ck_assert(!seal_open(key, "bound", sealed, sizeof sealed, back));
        ck_assert_mem_eq(back, wiped, sizeof back);
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (size_t size = 0; size < sizeof sealed; size++)
        ck_assert(!seal_open(key, "bound", sealed, size, back));
    ck_assert(seal_open(key, "bound", sealed, sizeof sealed, back));
}
END_TEST

START_TEST(kids_are_unique)
{
    enum { KEYS = 32 };
    struct signing_key *keys[KEYS];

    for (int i = 0; i < KEYS; i++) {
        keys[i] = signing_key_new();
        ck_assert_uint_eq(strlen(keys[i]->kid), KID_SIZE - 1);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(keys[i]->kid, keys[k]->kid);
    }
    for (int i = 0; i < KEYS; i++)
        signing_key_drop(&keys[i]);
}
END_TEST

START_TEST(key_round_trip)
{
    cleanup(signing_key_drop) struct signing_key *k = signing_key_new(), *back = NULL;
    unsigned char sealed[PRIVATE_SEAL_MAX];
    size_t size = signing_key_seal(k, SECRET, sealed);
    char pem[PUBLIC_PEM_MAX], pem_back[PUBLIC_PEM_MAX];

    ck_assert_uint_gt(size, SEAL_OVERHEAD);
    ck_assert(signing_key_unseal(sealed, size, k->kid, SECRET, &back));
    ck_assert_str_eq(back->kid, k->kid);
    signing_key_pem(k, pem);
    signing_key_pem(back, pem_back);
    ck_assert_str_eq(pem, pem_back);
    ck_assert_ptr_nonnull(strstr(pem, "-----BEGIN PUBLIC KEY-----"));
    ck_assert_ptr_null(strstr(pem, "PRIVATE"));
}
END_TEST

START_TEST(key_needs_its_secret_and_kid)
{
    cleanup(signing_key_drop) struct signing_key *k = signing_key_new(), *other = signing_key_new();
    struct signing_key *back = NULL;
    unsigned char sealed[PRIVATE_SEAL_MAX];
    size_t size = signing_key_seal(k, SECRET, sealed);

    ck_assert(!signing_key_unseal(sealed, size, k->kid, OTHER, &back));
    ck_assert(!signing_key_unseal(sealed, size, other->kid, SECRET, &back));
    ck_assert(!signing_key_unseal(sealed, size - 1, k->kid, SECRET, &back));
    ck_assert(!signing_key_unseal(sealed, 0, k->kid, SECRET, &back));
    ck_assert(!signing_key_unseal(sealed, PRIVATE_SEAL_MAX + 1, k->kid, SECRET, &back));
    sealed[size / 2] ^= 1;
    ck_assert(!signing_key_unseal(sealed, size, k->kid, SECRET, &back));
    ck_assert_ptr_null(back);
}
END_TEST

static struct evp_pkey_st *one_key(void *state, const char *kid)
{
    const struct signing_key *k = state;

    return strcmp(kid, k->kid) == 0 ? k->key : NULL;
}

/* What an unsealed key signs, the key it was made as verifies. */
START_TEST(key_signs)
{
    cleanup(signing_key_drop) struct signing_key *k = signing_key_new(), *back = NULL;
    unsigned char sealed[PRIVATE_SEAL_MAX];
    int64_t now = (int64_t)time(NULL);
    struct token_claims claims = {.account = 7, .session = 9, .issued = now, .expires = now + 60};
    struct token_claims read;
    char token[TOKEN_MAX];
    const char *why = NULL;

    ck_assert(
        signing_key_unseal(sealed, signing_key_seal(k, SECRET, sealed), k->kid, SECRET, &back));
    ck_assert_int_eq(token_sign(back->key, back->kid, &claims, token), DONE);
    ck_assert_int_eq(token_verify(token, strlen(token), now, one_key, k, &read, &why), DONE);
    ck_assert_int_eq(read.account, 7);
    ck_assert_int_eq(read.session, 9);
}
END_TEST

START_TEST(check_value_tells_secrets_apart)
{
    unsigned char a[DIGEST_SIZE], b[DIGEST_SIZE];

    secret_check_value(SECRET, a);
    secret_check_value(OTHER, b);
    ck_assert_mem_ne(a, b, sizeof a);
    secret_check_value(SECRET, b);
    ck_assert_mem_eq(a, b, sizeof a);
    seal_key_derive(SECRET, "chatbot signing key 1", b); /* is not the key that seals */
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("signing_keys");

    tcase_add_test(tests, derive_vector);
    tcase_add_test(tests, derive_separates);
    tcase_add_test(tests, seal_round_trip);
    tcase_add_test(tests, seal_empty);
    tcase_add_test(tests, seal_tamper);
    tcase_add_test(tests, kids_are_unique);
    tcase_add_test(tests, key_round_trip);
    tcase_add_test(tests, key_needs_its_secret_and_kid);
    tcase_add_test(tests, key_signs);
    tcase_add_test(tests, check_value_tells_secrets_apart);
    return check_run("signing_keys", tests);
}
