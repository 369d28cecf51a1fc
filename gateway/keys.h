#pragma once
/* The public keys that tokens may be signed with, fetched from authd and kept by their kid. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_MAX 64

struct keys;
struct json_object;
struct token_claims;

struct keys *keys_new(void);
void keys_drop(struct keys **k);

/*
 * token_verify() with the keys at hand.
 * DONE; UNAUTHORIZED with *reterr_why, and *reterr_kid_unknown true when only the key is missing.
 */
int keys_verify(struct keys *k, const char *token, size_t size, int64_t wall,
                struct token_claims *ret, const char **reterr_why, bool *reterr_kid_unknown)
    __attribute__((warn_unused_result));

/* Whether the key that a token names is none that verifies (any more), however good the rest is. */
bool keys_miss(struct keys *k, const char *token, size_t size, int64_t wall);

/* How often authd was asked so far; to be read before keys_verify(). */
uint64_t keys_asked(struct keys *k);

/*
 * Has authd asked for its keys because one is missing: a few times in a row, then once a second.
 * One caller asks at a time, by fetch(state), which ends in keys_set(); who waited for one that
 * began after its miss gets its result and asks no more.  asked: keys_asked() from before the key
 * was missed. DONE: verify again, the keys are as fresh as they may be; else what fetch returned.
 */
int keys_refresh(struct keys *k, uint64_t asked, int64_t now_us, int (*fetch)(void *state),
                 void *state) __attribute__((warn_unused_result));

/* authd says how often its keys have changed; on the broker's thread.  True: they were not fetched
 * since. */
bool keys_news(struct keys *k, uint64_t changes);

/* Has authd asked, at once, if the keys have changed since they were fetched.  DONE, or what fetch
 * returned: then nothing that was verified before may be trusted. */
int keys_renew(struct keys *k, int (*fetch)(void *state), void *state)
    __attribute__((warn_unused_result));

/* Takes the reply of key_list: [{kid, pem}] is all the keys there are.  DONE, or a fault.
 * *ret_lost: a key that verified until now does no more. */
int keys_set(struct keys *k, struct json_object *list, bool *ret_lost)
    __attribute__((warn_unused_result));

/* The keys as a JWK Set (RFC 7517). */
struct text;
void keys_jwks(struct keys *k, struct text *to);
