#pragma once
/* Who is calling: bearer tokens, their keys, and whether their session still stands. */
#include <stdint.h>

#include "gateway/exchange.h"
#include "gateway/sessions.h"

struct auth;
struct broker;

struct auth *auth_new(void);
void auth_drop(struct auth **a);

/* From now on the broker's session events decide what is trusted. */
void auth_follow(struct auth *a, struct broker *broker);

/*
 * Asks an internal operation on behalf of an account (0: nobody).  DONE with *ret_body parsed,
 * owned by the caller; NOT_FOUND; BUSY with retry_after; UNAVAILABLE for everything else.
 */
struct json_object;
int auth_ask(struct exchange *x, enum op_id op, int64_t caller, const struct params *params,
             struct json_object **ret_body) __attribute__((warn_unused_result));

/*
 * Step: sets caller, session and admin of operations that need a token.
 * DONE; UNAUTHORIZED; UNAVAILABLE or BUSY when authd cannot say: never DONE by guess.
 */
int auth_step(struct exchange *x);

/* The same whatever the operation says. */
int auth_identify(struct exchange *x);

/* Writes the keys that verify tokens as a JWK Set.  DONE, or what auth_ask() says. */
int auth_jwks(struct exchange *x, struct text *to) __attribute__((warn_unused_result));

/* The caller's own session is over: no later request of this gateway is served with it. */
void auth_session_ended(struct auth *a, int64_t session);

/* Told of each session that ends; session 0: some may have, unheard.  On the broker's thread, or on
 * that of a logout. */
typedef void auth_ended_fn(void *state, int64_t session);
/* Told while authd's keys have changed and were not fetched; on the broker's thread. */
typedef void auth_keys_fn(void *state);
void auth_on_ended(struct auth *a, auth_ended_fn *fn, auth_keys_fn *keys, void *state);

/* Fetches the keys if they have changed, and says whether the one of the caller's token verifies
 * nothing any more; false, too, while nobody can say. */
bool auth_key_is_gone(struct exchange *x);

/* Asks whether the caller's session has ended; false, too, while nobody can say. */
bool auth_session_is_over(struct exchange *x);

void auth_stats(struct auth *a, struct sessions_stats *ret);
