/* Access tokens: signed and verified with ES256 over EVP. */
#include "common/token.h"

#include <json-c/json.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/json.h"
#include "common/text.h"
#include "proto/api.h"

#define KID_MAX       64
#define HALF          32         /* bytes of r and of s: RFC 7518, 3.4 */
#define RAW           (2 * HALF) /* bytes of a JOSE signature */
#define RAW_BASE64URL 86
#define DER_MAX       80 /* bytes of the ASN.1 form of a P-256 signature, at most 72 */

static void md_ctx_drop(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
    *c = NULL;
}

static void signature_drop(ECDSA_SIG **s)
{
    ECDSA_SIG_free(*s);
    *s = NULL;
}

static bool key_is_p256(EVP_PKEY *key)
{
    char group[32];

    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) &&
           strcmp(group, "prime256v1") == 0;
}

/* What we put into a header: unreserved characters only, so that it needs no escapes. */
static bool kid_is_good(const char *kid, size_t size)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    return size >= 1 && size <= KID_MAX && strspn(kid, good) == size;
}

/* ---- signing ------------------------------------------------------------------------------ */

/* Signs data; ret has room for RAW bytes. */
static bool es256_sign(EVP_PKEY *key, const char *data, size_t size, unsigned char *ret)
{
    cleanup(md_ctx_drop) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cleanup(signature_drop) ECDSA_SIG *sig = NULL;
    unsigned char der[DER_MAX];
    const unsigned char *p = der;
    size_t n = sizeof der;

    if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, der, &n, (const unsigned char *)data, size) != 1)
        return false;
    sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    return sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, HALF) == HALF &&
           BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + HALF, HALF) == HALF;
}

static void claims_write(struct text *to, const struct token_claims *c)
{
    text_puts(to, "{");
    text_member_str(to, "iss", TOKEN_ISSUER);
    text_member_str(to, "aud", TOKEN_AUDIENCE);
    text_printf(to, ",\"sub\":\"%lld\"", (long long)c->account);
    text_member_i64(to, "sid", c->session);
    text_member_i64(to, "iat", c->issued);
    text_member_i64(to, "nbf", c->issued);
    text_member_i64(to, "exp", c->expires);
    text_puts(to, "}");
}

int token_sign(struct evp_pkey_st *key, const char *kid, const struct token_claims *claims,
               char *ret)
{
    cleanup(text_drop) struct text header = {0}, payload = {0};
    unsigned char raw[RAW];
    size_t n;

    if (!kid_is_good(kid, strlen(kid)))
        return FAULT("key id cannot be used in a token");
    if (!key_is_p256(key))
        return FAULT("signing key is not a P-256 key");
    text_puts(&header, "{");
    text_member_str(&header, "alg", "ES256");
    text_member_str(&header, "kid", kid);
    text_member_str(&header, "typ", "JWT");
    text_puts(&header, "}");
    claims_write(&payload, claims);
    /* bounded by KID_MAX and the width of the numbers: about 500 bytes, far below TOKEN_MAX */
    base64url_encode(header.data, header.size, ret);
    n = strlen(ret);
    ret[n++] = '.';
    base64url_encode(payload.data, payload.size, ret + n);
    n += strlen(ret + n);
    if (!es256_sign(key, ret, n, raw)) {
        ERR_clear_error();
        return FAULT("cannot sign a token");
    }
    ret[n++] = '.';
    base64url_encode(raw, sizeof raw, ret + n);
    return DONE;
}

/* ---- verifying ---------------------------------------------------------------------------- */

/* A token cut at its two dots. */
struct parts {
    const char *header, *payload, *signature;
    size_t header_size, payload_size, signature_size, signed_size;
};

static bool token_cut(const char *token, size_t size, struct parts *ret)
{
    const char *end = token + size, *dot, *second;

    if (size == 0 || size >= TOKEN_MAX || !(dot = memchr(token, '.', size)) ||
        !(second = memchr(dot + 1, '.', (size_t)(end - dot - 1))))
        return false;
    *ret = (struct parts){.header = token,
                          .header_size = (size_t)(dot - token),
                          .payload = dot + 1,
                          .payload_size = (size_t)(second - dot - 1),
                          .signature = second + 1,
                          .signature_size = (size_t)(end - second - 1),
                          .signed_size = (size_t)(second - token)};
    return ret->signature_size == RAW_BASE64URL;
}

/* Decodes one part into an object.  NULL when it is none; owned by the caller. */
static struct json_object *part_parse(const char *s, size_t size)
{
    struct json_object *o = NULL;
    unsigned char json[TOKEN_MAX];
    const char *why;
    int n = base64url_decode(s, size, json);

    if (n < 0 || json_parse((const char *)json, (size_t)n, &o, &why) != DONE)
        return NULL;
    if (!json_object_is_type(o, json_type_object))
        json_drop(&o);
    return o;
}

/* Whether v is exactly this string. */
static bool string_is(struct json_object *v, const char *s)
{
    return json_object_is_type(v, json_type_string) &&
           (size_t)json_object_get_string_len(v) == strlen(s) &&
           memcmp(json_object_get_string(v), s, strlen(s)) == 0;
}

/* Checks the header and gives its kid (into h).  NULL, or why not. */
static const char *header_check(struct json_object *h, const char **ret_kid)
{
    struct json_object *kid;

    if (!string_is(json_member(h, "alg"), "ES256"))
        return "wrong algorithm";
    json_object_object_foreach(h, name, value)
    {
        if (strcmp(name, "typ") == 0 && !string_is(value, "JWT"))
            return "wrong type of token";
        /* We sign these tokens and put nothing else in: jku, jwk, x5u, x5c, crit and whatever
         * comes next would only name a key or a rule that is not ours. */
        if (strcmp(name, "alg") != 0 && strcmp(name, "kid") != 0 && strcmp(name, "typ") != 0)
            return "header not allowed";
    }
    kid = json_member(h, "kid");
    if (!json_object_is_type(kid, json_type_string) ||
        !kid_is_good(json_object_get_string(kid), (size_t)json_object_get_string_len(kid)))
        return "unknown key";
    *ret_kid = json_object_get_string(kid);
    return NULL;
}

static bool es256_verify(EVP_PKEY *key, const struct parts *p)
{
    cleanup(md_ctx_drop) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cleanup(signature_drop) ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char raw[RAW + 2], der[DER_MAX], *to = der;
    BIGNUM *r, *s;
    int n;

    if (base64url_decode(p->signature, p->signature_size, raw) != RAW)
        return false;
    r = BN_bin2bn(raw, HALF, NULL);
    s = BN_bin2bn(raw + HALF, HALF, NULL);
    if (!ctx || !sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    n = i2d_ECDSA_SIG(sig, NULL);
    if (n <= 0 || (size_t)n > sizeof der || i2d_ECDSA_SIG(sig, &to) != n)
        return false;
    return EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
           EVP_DigestVerify(ctx, der, (size_t)n, (const unsigned char *)p->header,
                            p->signed_size) == 1;
}

/* An id: a positive integer, or the same as a decimal string. */
static bool id_read(struct json_object *claims, const char *name, int64_t *ret)
{
    struct json_object *v = json_member(claims, name);
    const char *s;
    size_t n;

    if (json_object_is_type(v, json_type_int))
        return (*ret = json_object_get_int64(v)) > 0 && *ret < INT64_MAX;
    if (!json_object_is_type(v, json_type_string))
        return false;
    s = json_object_get_string(v);
    n = (size_t)json_object_get_string_len(v);
    /* 18 digits always fit */
    if (n < 1 || n > 18 || s[0] == '0' || strspn(s, "0123456789") != n)
        return false;
    *ret = 0;
    for (size_t i = 0; i < n; i++)
        *ret = *ret * 10 + (s[i] - '0');
    return true;
}

static const char *claims_check(struct json_object *c, int64_t now, struct token_claims *ret)
{
    int64_t nbf = json_i64(c, "nbf", -1);

    ret->issued = json_i64(c, "iat", -1);
    ret->expires = json_i64(c, "exp", -1);
    if (!string_is(json_member(c, "iss"), TOKEN_ISSUER))
        return "wrong issuer";
    if (!string_is(json_member(c, "aud"), TOKEN_AUDIENCE))
        return "wrong audience";
    if (!id_read(c, "sub", &ret->account) || !id_read(c, "sid", &ret->session))
        return "wrong subject";
    if (nbf < 0 || ret->issued < 0 || ret->expires < 0)
        return "times missing";
    if (ret->expires <= now)
        return "expired";
    if (nbf > now + TOKEN_SKEW || ret->issued > now + TOKEN_SKEW)
        return "not valid yet";
    return NULL;
}

int token_verify(const char *token, size_t size, int64_t now, token_key_fn *find, void *state,
                 struct token_claims *ret, const char **reterr_why)
{
    cleanup(json_drop) struct json_object *header = NULL, *payload = NULL;
    struct token_claims claims = {0};
    struct evp_pkey_st *key;
    const char *kid = NULL;
    struct parts p;

    *reterr_why = "malformed token";
    if (!token_cut(token, size, &p) || !(header = part_parse(p.header, p.header_size)))
        return UNAUTHORIZED;
    *reterr_why = header_check(header, &kid);
    if (*reterr_why)
        return UNAUTHORIZED;
    *reterr_why = "unknown key";
    key = find(state, kid);
    if (!key || !key_is_p256(key))
        return UNAUTHORIZED;
    *reterr_why = "wrong signature";
    if (!es256_verify(key, &p)) {
        ERR_clear_error();
        return UNAUTHORIZED;
    }
    *reterr_why = "malformed token";
    if (!(payload = part_parse(p.payload, p.payload_size)))
        return UNAUTHORIZED;
    *reterr_why = claims_check(payload, now, &claims);
    if (*reterr_why)
        return UNAUTHORIZED;
    *ret = claims;
    return DONE;
}
