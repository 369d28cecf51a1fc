/* common/token.h: what we sign is taken, and no forgery is. */
#include "common/token.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/text.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define NOW      INT64_C(1800000000)

#define HEADER   "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define ISS_AUD  "\"iss\":\"chatbot\",\"aud\":\"chatbot-api\","
#define TIMES    "\"iat\":1800000000,\"nbf\":1800000000,\"exp\":1800003600"
#define PAYLOAD  "{" ISS_AUD "\"sub\":\"7\",\"sid\":9," TIMES "}"

static EVP_PKEY *key, *other_key;

static void keys_make(void)
{
    key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    ck_assert(key && other_key);
}

static void keys_free(void)
{
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
}

/* Knows k1 and a key of another curve, "p384". */
static struct evp_pkey_st *find(void *state, const char *kid)
{
    static EVP_PKEY *p384;

    ck_assert_ptr_eq(state, &key);
    if (!p384)
        p384 = EVP_EC_gen("P-384");
    return strcmp(kid, "k1") == 0 ? key : strcmp(kid, "p384") == 0 ? p384 : NULL;
}

/* ES256 by hand: DER of the signature, or r and s. */
static size_t es256(EVP_PKEY *by, const char *data, size_t size, bool der, unsigned char *ret)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char buf[80];
    const unsigned char *p = buf;
    size_t n = sizeof buf;
    ECDSA_SIG *sig;

    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, by), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, buf, &n, (const unsigned char *)data, size), 1);
    EVP_MD_CTX_free(ctx);
    memcpy(ret, buf, n);
    if (der)
        return n;
    sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32);
    ECDSA_SIG_free(sig);
    return 64;
}

static void part_add(struct text *t, const void *data, size_t size)
{
    char *p = text_reserve(t, 4 * size / 3 + 3);

    base64url_encode(data, size, p);
    t->size += strlen(p);
}

/* A token with this header and payload, truly signed. */
static struct text signed_token(EVP_PKEY *by, const char *header, const char *payload)
{
    struct text t = {0};
    unsigned char raw[80];
    size_t n;

    part_add(&t, header, strlen(header));
    text_putc(&t, '.');
    part_add(&t, payload, strlen(payload));
    n = es256(by, t.data, t.size, false, raw);
    text_putc(&t, '.');
    part_add(&t, raw, n);
    return t;
}

static void refused(const char *token, size_t size, const char *why)
{
    struct token_claims c = {.account = -5};
    const char *got = NULL;

    ck_assert_msg(token_verify(token, size, NOW, find, &key, &c, &got) == UNAUTHORIZED,
                  "taken, not refused: %s", why);
    ck_assert_str_eq(got, why);
    ck_assert_int_eq(c.account, -5);
}

static int verify(const char *token, int64_t now, struct token_claims *ret)
{
    const char *why;

    return token_verify(token, strlen(token), now, find, &key, ret, &why);
}

START_TEST(what_is_signed_is_taken)
{
    struct token_claims in = {INT64_C(123456789012345678), 9, NOW, NOW + 3600}, out = {0};
    char token[TOKEN_MAX];

    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(token_sign(key, "k1", &in, token), DONE);
        ck_assert_int_eq(verify(token, NOW, &out), DONE);
        ck_assert_int_eq(out.account, in.account);
        ck_assert_int_eq(out.session, in.session);
        ck_assert_int_eq(out.issued, in.issued);
        ck_assert_int_eq(out.expires, in.expires);
    }
}
END_TEST

START_TEST(times)
{
    struct token_claims in = {1, 2, NOW, NOW + 60}, out;
    char token[TOKEN_MAX];

    ck_assert_int_eq(token_sign(key, "k1", &in, token), DONE);
    ck_assert_int_eq(verify(token, NOW + 59, &out), DONE);
    ck_assert_int_eq(verify(token, NOW + 60, &out), UNAUTHORIZED);
    ck_assert_int_eq(verify(token, NOW - TOKEN_SKEW, &out), DONE);
    ck_assert_int_eq(verify(token, NOW - TOKEN_SKEW - 1, &out), UNAUTHORIZED);
}
END_TEST

START_TEST(the_form_is_as_documented)
{
    struct token_claims in = {7, 9, NOW, NOW + 3600};
    struct text as =
        signed_token(key, "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", PAYLOAD);
    char token[TOKEN_MAX];
    size_t n = as.size - 86;

    ck_assert_int_eq(token_sign(key, "k1", &in, token), DONE);
    ck_assert_uint_eq(strlen(token), as.size);
    ck_assert_int_eq(memcmp(token, as.data, n), 0);
    text_drop(&as);
}
END_TEST

START_TEST(the_longest_token_fits)
{
    struct token_claims in = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    char token[TOKEN_MAX], kid[65];

    memset(kid, 'k', 64);
    kid[64] = '\0';
    ck_assert_int_eq(token_sign(key, kid, &in, token), DONE);
    ck_assert_uint_lt(strlen(token), TOKEN_MAX / 2);
}
END_TEST

START_TEST(wrong_keys_do_not_sign)
{
    struct token_claims in = {1, 2, NOW, NOW + 60};
    EVP_PKEY *p384 = EVP_EC_gen("P-384"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char token[TOKEN_MAX];

    ck_assert_int_lt(token_sign(p384, "k1", &in, token), 0);
    ck_assert_int_lt(token_sign(ed, "k1", &in, token), 0);
    ck_assert_int_lt(token_sign(key, "", &in, token), 0);
    ck_assert_int_lt(token_sign(key, "a\"b", &in, token), 0);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(ed);
}
END_TEST

/* Headers and payloads that only a holder of the key could sign, and still are not ours. */
static const struct {
    const char *header, *payload, *why;
} forgeries[] = {
    {"{\"alg\":\"none\"}", PAYLOAD, "wrong algorithm"},
    {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", PAYLOAD, "wrong algorithm"},
    {"{\"alg\":\"ES384\",\"kid\":\"k1\"}", PAYLOAD, "wrong algorithm"},
    {"{\"alg\":\"es256\",\"kid\":\"k1\"}", PAYLOAD, "wrong algorithm"},
    {"{\"alg\":\"ES256\\u0000\",\"kid\":\"k1\"}", PAYLOAD, "wrong algorithm"},
    {"{\"alg\":[\"ES256\"],\"kid\":\"k1\"}", PAYLOAD, "wrong algorithm"},
    {"{\"kid\":\"k1\"}", PAYLOAD, "wrong algorithm"},
    {"{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"k1\"}", PAYLOAD, "malformed token"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",}", PAYLOAD, "malformed token"},
    {"[\"ES256\"]", PAYLOAD, "malformed token"},
    {"null", PAYLOAD, "malformed token"},
    {"", PAYLOAD, "malformed token"},
    {"{\"alg\":\"ES256\"}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":\"k2\"}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":1}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":\"\"}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\\u0000\"}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":\"../../k1\"}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":\"p384\"}", PAYLOAD, "unknown key"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWE\"}", PAYLOAD, "wrong type of token"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":null}", PAYLOAD, "wrong type of token"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"jku\":\"https://x\"}", PAYLOAD, "header not allowed"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"jwk\":{}}", PAYLOAD, "header not allowed"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"x5u\":\"https://x\"}", PAYLOAD, "header not allowed"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"x5c\":[]}", PAYLOAD, "header not allowed"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"crit\":[\"exp\"]}", PAYLOAD, "header not allowed"},
    {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"jku\":null}", PAYLOAD, "header not allowed"},
    {HEADER, "{}", "wrong issuer"},
    {HEADER, "[]", "malformed token"},
    {HEADER, "", "malformed token"},
    {HEADER, "{\"iss\":\"chatbot\",\"iss\":\"chatbot\"}", "malformed token"},
    {HEADER, "{\"iss\":\"other\",\"aud\":\"chatbot-api\",\"sub\":\"7\",\"sid\":9," TIMES "}",
     "wrong issuer"},
    {HEADER,
     "{\"iss\":\"chatbot\\u0000\",\"aud\":\"chatbot-api\",\"sub\":\"7\",\"sid\":9," TIMES "}",
     "wrong issuer"},
    {HEADER, "{\"iss\":\"chatbot\",\"aud\":\"other\",\"sub\":\"7\",\"sid\":9," TIMES "}",
     "wrong audience"},
    {HEADER, "{\"iss\":\"chatbot\",\"aud\":[\"chatbot-api\"],\"sub\":\"7\",\"sid\":9," TIMES "}",
     "wrong audience"},
    {HEADER, "{\"iss\":\"chatbot\",\"sub\":\"7\",\"sid\":9," TIMES "}", "wrong audience"},
    {HEADER, "{" ISS_AUD "\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\"," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"0\",\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"07\",\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"-7\",\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7 \",\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\\u0000\",\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"\",\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"9999999999999999999999\",\"sid\":9," TIMES "}",
     "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":9999999999999999999999,\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":7.0,\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":true,\"sid\":9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":-9," TIMES "}", "wrong subject"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1800000000,\"nbf\":1800000000}",
     "times missing"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1800000000,\"exp\":1800003600}",
     "times missing"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"nbf\":1800000000,\"exp\":1800003600}",
     "times missing"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1,\"nbf\":1,\"exp\":\"1800003600\"}",
     "times missing"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1,\"nbf\":1,\"exp\":18e9}",
     "times missing"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1,\"nbf\":1,\"exp\":1800000000}",
     "expired"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1,\"nbf\":1800000006,\"exp\":1800003600}",
     "not valid yet"},
    {HEADER, "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1800000006,\"nbf\":1,\"exp\":1800003600}",
     "not valid yet"},
    {HEADER,
     "{" ISS_AUD "\"sub\":\"7\",\"sid\":9,\"iat\":1,\"nbf\":9999999999999999999,"
     "\"exp\":9999999999999999999}",
     "not valid yet"},
};

START_TEST(signed_forgeries)
{
    for (size_t i = 0; i < COUNT(forgeries); i++) {
        struct text t = signed_token(key, forgeries[i].header, forgeries[i].payload);
        refused(t.data, t.size, forgeries[i].why);
        text_drop(&t);
    }
}
END_TEST

START_TEST(other_spellings_that_are_good)
{
    static const struct {
        const char *header, *payload;
    } rows[] = {
        {HEADER, PAYLOAD},
        {"{\"kid\":\"k1\",\"alg\":\"ES256\"}", PAYLOAD},
        {HEADER, "{" ISS_AUD "\"sub\":7,\"sid\":\"9\"," TIMES ",\"more\":[1]}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct text t = signed_token(key, rows[i].header, rows[i].payload);
        struct token_claims c = {0};
        ck_assert_int_eq(verify(t.data, NOW, &c), DONE);
        ck_assert_int_eq(c.account, 7);
        ck_assert_int_eq(c.session, 9);
        text_drop(&t);
    }
}
END_TEST

START_TEST(signatures_by_others)
{
    struct text t = signed_token(other_key, HEADER, PAYLOAD);

    refused(t.data, t.size, "wrong signature");
    text_drop(&t);
}
END_TEST

/* The public key as an HMAC secret, with both algorithms named. */
START_TEST(hs256_with_the_public_key)
{
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", HEADER};
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char mac[64] = {0};
    char *pem;
    long n;

    PEM_write_bio_PUBKEY(bio, key);
    n = BIO_get_mem_data(bio, &pem);
    for (size_t i = 0; i < COUNT(headers); i++)
        for (size_t size = 32; size <= 64; size += 32) {
            struct text t = {0};
            part_add(&t, headers[i], strlen(headers[i]));
            text_putc(&t, '.');
            part_add(&t, PAYLOAD, strlen(PAYLOAD));
            digest_hmac(pem, (size_t)n, t.data, t.size, mac);
            text_putc(&t, '.');
            part_add(&t, mac, size);
            refused(t.data, t.size,
                    size == 32 ? "malformed token"
                    : i == 0   ? "wrong algorithm"
                               : "wrong signature");
            text_drop(&t);
        }
    BIO_free(bio);
}
END_TEST

START_TEST(der_signatures)
{
    struct text t = {0};
    unsigned char der[80];
    size_t n;

    part_add(&t, HEADER, strlen(HEADER));
    text_putc(&t, '.');
    part_add(&t, PAYLOAD, strlen(PAYLOAD));
    n = es256(key, t.data, t.size, true, der);
    text_putc(&t, '.');
    part_add(&t, der, n);
    refused(t.data, t.size, "malformed token");
    text_drop(&t);
}
END_TEST

/* Every single character changed to another one: never taken. */
START_TEST(tampered_characters)
{
    struct text t = signed_token(key, HEADER, PAYLOAD);
    struct token_claims c;

    for (size_t i = 0; i < t.size; i++)
        for (const char *p = "A_.=+\n\xff"; *p; p++) {
            char was = t.data[i];
            if (was == *p)
                continue;
            t.data[i] = *p;
            if (verify(t.data, NOW, &c) != UNAUTHORIZED)
                ck_abort_msg("taken with '%c' at %zu", *p, i);
            t.data[i] = was;
        }
    ck_assert_int_eq(verify(t.data, NOW, &c), DONE);
    text_drop(&t);
}
END_TEST

START_TEST(empty_and_extreme_signatures)
{
    static const unsigned char fills[] = {0x00, 0x01, 0xff};
    struct text t = {0};
    unsigned char raw[64];
    size_t n;

    part_add(&t, HEADER, strlen(HEADER));
    text_putc(&t, '.');
    part_add(&t, PAYLOAD, strlen(PAYLOAD));
    text_putc(&t, '.');
    n = t.size;
    refused(t.data, t.size, "malformed token");
    for (size_t i = 0; i < COUNT(fills); i++) {
        memset(raw, fills[i], sizeof raw);
        t.size = n;
        part_add(&t, raw, sizeof raw);
        refused(t.data, t.size, "wrong signature");
    }
    text_drop(&t);
}
END_TEST

START_TEST(wrong_forms)
{
    static const char *const rows[] = {
        "", ".", "..", "...", "a.b.c", "a.b", "x", "eyJhbGciOiJub25lIn0.e30.", "Bearer a.b.c"};
    struct text t = signed_token(key, HEADER, PAYLOAD), more = {0};
    char *big = calloc(1, 100000);

    for (size_t i = 0; i < COUNT(rows); i++)
        refused(rows[i], strlen(rows[i]), "malformed token");
    /* every length but its own */
    for (size_t n = 0; n < t.size; n++) {
        cleanup(free_drop) char *copy = malloc(n + 1);
        memcpy(copy, t.data, n);
        refused(copy, n, "malformed token");
    }
    for (const char *const *tail = (const char *const[]){".", ".x", "=", " ", "\n", "A", NULL};
         *tail; tail++) {
        text_clear(&more);
        text_printf(&more, "%s%s", t.data, *tail);
        refused(more.data, more.size, "malformed token");
        text_clear(&more);
        text_printf(&more, "%s%s", *tail, t.data);
        refused(more.data, more.size, "malformed token");
    }
    refused(t.data, t.size + 1, "malformed token"); /* its NUL */
    memset(big, 'A', 100000);
    big[40] = big[80] = '.';
    refused(big, 100000, "malformed token");
    refused(big, TOKEN_MAX, "malformed token");
    free(big);
    text_drop(&t);
    text_drop(&more);
}
END_TEST

/* Header and payload of one token with the signature of another. */
START_TEST(parts_of_two_tokens)
{
    struct text a = signed_token(key, HEADER, PAYLOAD);
    struct text b = signed_token(key, HEADER, "{" ISS_AUD "\"sub\":\"8\",\"sid\":9," TIMES "}");

    ck_assert_uint_eq(a.size, b.size);
    memcpy(a.data + a.size - 86, b.data + b.size - 86, 86);
    refused(a.data, a.size, "wrong signature");
    text_drop(&a);
    text_drop(&b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("token");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, keys_make, keys_free);
    tcase_add_test(t, what_is_signed_is_taken);
    tcase_add_test(t, times);
    tcase_add_test(t, the_form_is_as_documented);
    tcase_add_test(t, the_longest_token_fits);
    tcase_add_test(t, wrong_keys_do_not_sign);
    tcase_add_test(t, signed_forgeries);
    tcase_add_test(t, other_spellings_that_are_good);
    tcase_add_test(t, signatures_by_others);
    tcase_add_test(t, hs256_with_the_public_key);
    tcase_add_test(t, der_signatures);
    tcase_add_test(t, tampered_characters);
    tcase_add_test(t, empty_and_extreme_signatures);
    tcase_add_test(t, wrong_forms);
    tcase_add_test(t, parts_of_two_tokens);
    return check_run("token", t);
}
