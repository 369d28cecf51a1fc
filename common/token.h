#pragma once
/*
 * Access tokens: JWT (RFC 7519) in JWS compact form, ES256 only (RFC 7518), over EVP.  authd signs,
 * gateways verify.  The algorithm is fixed: the header's alg must say ES256, and jku, jwk, x5u, x5c
 * and crit are refused.
 */
#include <stddef.h>
#include <stdint.h>

#define TOKEN_MAX      1024 /* bytes of a token */
#define TOKEN_ISSUER   "chatbot"
#define TOKEN_AUDIENCE "chatbot-api"
#define TOKEN_SKEW     5 /* seconds of wall clock difference allowed for nbf and iat */

struct token_claims {
    int64_t account; /* sub */
    int64_t session; /* sid */
    int64_t issued;  /* iat and nbf, seconds since the epoch */
    int64_t expires; /* exp */
};

struct evp_pkey_st; /* EVP_PKEY */

/* Signs claims with a P-256 private key; kid goes into the header.
 * DONE, or a fault.  ret has room for TOKEN_MAX bytes. */
int token_sign(struct evp_pkey_st *key, const char *kid, const struct token_claims *claims,
               char *ret) __attribute__((warn_unused_result));

/* Finds the public key for a kid, or NULL; owned by the finder. */
typedef struct evp_pkey_st *token_key_fn(void *state, const char *kid);

/*
 * Verifies a token: form, header, signature by the key that find() gives, issuer, audience, nbf and
 * exp against `now` (seconds since the epoch).
 * DONE, or UNAUTHORIZED with *reterr_why a short constant text; never the token in it.
 */
int token_verify(const char *token, size_t size, int64_t now, token_key_fn *find, void *state,
                 struct token_claims *ret, const char **reterr_why)
    __attribute__((warn_unused_result));
