#pragma once
/*
 * Refresh tokens.  A token is 32 random bytes in base64url: the first half is the same for the life
 * of a session (its family), the second half is new each time.  So a token that was used before
 * still says which session it is of, and cannot be guessed from its successors or from what is
 * stored, which is the SHA-256 of the family's half and of the whole.
 *
 * When a token is exchanged, its successor is also kept sealed under it: who repeats the exchange
 * at once, because the answer was lost or two tabs had the same idea, gets the same successor.
 */
#include <stdbool.h>

#include "authd/sealing.h"
#include "common/digest.h"

#define REFRESH_SIZE     44                    /* bytes of its text, with NUL */
#define REFRESH_HEX_SIZE (2 * DIGEST_SIZE + 1) /* of a digest */
#define REFRESH_SEALED   (REFRESH_SIZE - 1 + SEAL_OVERHEAD)

struct refresh_token {
    char text[REFRESH_SIZE];
    char family_hash[REFRESH_HEX_SIZE], hash[REFRESH_HEX_SIZE]; /* SHA-256, hex */
};

/* For cleanup(): wipes it. */
void refresh_token_drop(struct refresh_token *t);

/* The first token of a new family. */
void refresh_token_new(struct refresh_token *ret);
/* The next one of the same family. */
void refresh_token_next(const struct refresh_token *t, struct refresh_token *ret);
/* A token from its text.  False when it cannot be one. */
bool refresh_token_read(const char *text, struct refresh_token *ret)
    __attribute__((warn_unused_result));

/* `next` sealed under t, as hex. */
void refresh_token_seal(const struct refresh_token *t, const struct refresh_token *next,
                        char ret[2 * REFRESH_SEALED + 1]);
/* Opens it again.  False when it was sealed under another token. */
bool refresh_token_open(const struct refresh_token *t, const char *sealed,
                        struct refresh_token *ret) __attribute__((warn_unused_result));
