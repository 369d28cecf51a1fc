/* API keys: made, revoked, checked for gateways. */
#include <string.h>

#include "authd/audit.h"
#include "authd/mail.h"
#include "authd/queries.h"
#include "authd/revocations.h"
#include "common/call.h"
#include "common/db.h"
#include "common/digest.h"

#define KEYS_MAX   20 /* live ones of an account */
#define KEY_PREFIX "cbk_"
#define KEY_BYTES  32
#define KEY_SIZE   48 /* of its text, with NUL */
#define HINT_SIZE  9  /* of what is shown of it, with NUL */

static void key_make(char ret[KEY_SIZE], char ret_hint[HINT_SIZE],
                     char ret_hash[2 * DIGEST_SIZE + 1])
{
    unsigned char bytes[KEY_BYTES], digest[DIGEST_SIZE];

    random_bytes(bytes, sizeof bytes);
    memcpy(ret, KEY_PREFIX, sizeof KEY_PREFIX);
    base64url_encode(bytes, sizeof bytes, ret + sizeof KEY_PREFIX - 1);
    digest_sha256(ret, strlen(ret), digest);
    hex_encode(digest, sizeof digest, ret_hash);
    memcpy(ret_hint, ret, HINT_SIZE - 1);
    ret_hint[HINT_SIZE - 1] = '\0';
    secret_wipe(bytes, sizeof bytes);
}

int apikey_create(struct call *c, const struct apikey_create_in *in)
{
    char key[KEY_SIZE], hint[HINT_SIZE], hash[2 * DIGEST_SIZE + 1];
    int64_t id = 0, count = 0;
    int r;

    if (!api_key_scopes_named(in->scopes))
        return refuse(c, BAD_INPUT, "scopes", "scopes: must be some of read, chat, files, admin");
    r = db_get(c, Q_account_lock, ARGS(c->caller), INTO(&id));
    if (!r)
        r = db_get(c, Q_apikey_count, ARGS(c->caller), INTO(&count));
    if (r)
        return r;
    if (count >= KEYS_MAX)
        return refuse(c, LIMIT_REACHED, NULL, "at most %d API keys: revoke one first", KEYS_MAX);
    key_make(key, hint, hash);
    r = db_one(c, Q_apikey_insert,
               ARGS(c->caller, in->name, (const char *)hash, (const char *)hint, in->scopes,
                    arg_i64_if(in->has_project_id && !in->null_project_id, in->project_id),
                    arg_i64_if(in->has_days && !in->null_days, in->days),
                    arg_i64_if(in->has_rate && !in->null_rate, in->rate), (const char *)key));
    secret_wipe(key, sizeof key);
    if (!r)
        r = audit_of(c, "key_made", c->caller, "key", c->new_id, in->scopes);
    return r ? r : mail_add(c, MAIL_key_made, c->caller, NULL, in->name);
}

int apikey_delete(struct call *c, const struct apikey_delete_in *in)
{
    int r = db_do(c, Q_apikey_end, ARGS(c->caller, in->key_id));

    if (!r)
        r = revocation_append(c, c->caller, -in->key_id);
    return r ? r : audit_of(c, "key_revoked", c->caller, "key", in->key_id, "");
}

int apikey_check(struct call *c, const struct apikey_check_in *in)
{
    return db_one(c, Q_apikey_use, ARGS(in->digest));
}
