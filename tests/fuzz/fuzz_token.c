/*
 * Access tokens.  The first byte decides: the rest is a token as it came, or header, NUL and
 * payload that are truly signed, so that the checks behind the signature are reached too.  What is
 * taken says the same when it is signed anew.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/text.h"
#include "common/token.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

#define NOW INT64_C(1800000000)

static EVP_PKEY *key;

static struct evp_pkey_st *find(void *state, const char *kid)
{
    (void)state;
    must(*kid && strlen(kid) <= 64);
    return strcmp(kid, "k1") == 0 ? key : NULL;
}

static void part_add(struct text *t, const void *data, size_t size)
{
    char *p = text_reserve(t, 4 * size / 3 + 3);

    base64url_encode(data, size, p);
    t->size += strlen(p);
}

static void token_make(struct text *t, const char *data, size_t size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char der[80], raw[64];
    const unsigned char *p = der;
    const char *payload = memchr(data, '\0', size);
    size_t n = sizeof der, header_size = payload ? (size_t)(payload - data) : size;
    ECDSA_SIG *sig;

    part_add(t, data, header_size);
    text_putc(t, '.');
    if (payload)
        part_add(t, payload + 1, size - header_size - 1);
    must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    must(EVP_DigestSign(ctx, der, &n, (const unsigned char *)t->data, t->size) == 1);
    EVP_MD_CTX_free(ctx);
    sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    text_putc(t, '.');
    part_add(t, raw, sizeof raw);
}

static void again(const struct token_claims *c)
{
    struct token_claims same = {0};
    const char *why = NULL;
    char token[TOKEN_MAX];

    must(token_sign(key, "k1", c, token) == DONE);
    must(token_verify(token, strlen(token), NOW, find, NULL, &same, &why) == DONE);
    must(memcmp(&same, c, sizeof same) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(text_drop) struct text t = {0};
    struct token_claims c = {0};
    const char *why = NULL;
    int status;

    if (!key)
        key = EVP_EC_gen("P-256");
    if (size < 2)
        return 0;
    if (data[0] & 1)
        text_add(&t, data + 1, size - 1);
    else
        token_make(&t, (const char *)data + 1, size - 1);
    status = token_verify(t.data, t.size, NOW, find, NULL, &c, &why);
    must(status == DONE || (status == UNAUTHORIZED && why && c.account == 0));
    if (status != DONE)
        return 0;
    must(!(data[0] & 1) && c.account > 0 && c.session > 0 && c.expires > NOW &&
         c.issued <= NOW + TOKEN_SKEW);
    again(&c);
    return 0;
}
