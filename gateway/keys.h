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

/* Whether authd may be asked for keys now: a few times in a row, then once a second. */
bool keys_may_fetch(struct keys *k, int64_t now_us);

/* Takes the reply of key_list: [{kid, pem}] is all the keys there are.  DONE, or a fault. */
int keys_set(struct keys *k, struct json_object *list) __attribute__((warn_unused_result));
