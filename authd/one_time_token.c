/* One-time tokens: made, and hashed to be looked up. */
#include "authd/one_time_token.h"

#include <string.h>

void one_time_token_hash(const char *text, char ret[ONE_TIME_HEX_SIZE])
{
    unsigned char digest[DIGEST_SIZE];

    digest_sha256(text, strlen(text), digest);
    hex_encode(digest, sizeof digest, ret);
}

void one_time_token_new(struct one_time_token *ret)
{
    unsigned char bytes[32];

    random_bytes(bytes, sizeof bytes);
    base64url_encode(bytes, sizeof bytes, ret->text);
    one_time_token_hash(ret->text, ret->hash);
    secret_wipe(bytes, sizeof bytes);
}

void one_time_token_drop(struct one_time_token *t)
{
    secret_wipe(t, sizeof *t);
}
