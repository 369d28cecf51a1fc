#pragma once
/* Tokens that are handed out once and used once: 256 random bits in base64url, stored as SHA-256.
 */
#include "common/digest.h"

#define ONE_TIME_SIZE     44 /* bytes of the text, with NUL */
#define ONE_TIME_HEX_SIZE (2 * DIGEST_SIZE + 1)

struct one_time_token {
    char text[ONE_TIME_SIZE];
    char hash[ONE_TIME_HEX_SIZE]; /* hex */
};

void one_time_token_new(struct one_time_token *ret);
/* For cleanup(): wipes it. */
void one_time_token_drop(struct one_time_token *t);
/* SHA-256 of any text, hex, as a token's is stored. */
void one_time_token_hash(const char *text, char ret[ONE_TIME_HEX_SIZE]);
