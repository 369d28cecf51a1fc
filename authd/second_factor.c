/* Second factors: asked for, used up, taken away, sealed anew. */
#include "authd/second_factor.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "authd/admin.h"
#include "authd/audit.h"
#include "authd/authd.h"
#include "authd/mail.h"
#include "authd/queries.h"
#include "authd/recovery_code.h"
#include "authd/sealing.h"
#include "authd/second_factor_own.h"
#include "authd/secret_key.h"
#include "authd/signing_keys.h"
#include "authd/totp.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/log.h"

#define LABEL "chatbot second factor 1"

static void bound_text(int64_t account, char ret[64])
{
    snprintf(ret, 64, LABEL ":%" PRId64, account);
}

static void secret_seal(const struct totp_secret *s, int64_t account, const char *secret,
                        char ret[SEALED_HEX_SIZE])
{
    unsigned char sealer[SEAL_KEY_SIZE], sealed[sizeof s->bytes + SEAL_OVERHEAD];
    char bound[64];

    bound_text(account, bound);
    seal_key_derive(secret, LABEL, sealer);
    seal(sealer, bound, s->bytes, sizeof s->bytes, sealed);
    hex_encode(sealed, sizeof sealed, ret);
    secret_wipe(sealer, sizeof sealer);
}

static int secret_unseal(const char *sealed_hex, int64_t account, const char *secret,
                         struct totp_secret *ret)
{
    unsigned char sealer[SEAL_KEY_SIZE], sealed[sizeof ret->bytes + SEAL_OVERHEAD];
    char bound[64];
    size_t size = 0;
    bool good;

    bound_text(account, bound);
    seal_key_derive(secret, LABEL, sealer);
    good = OPENSSL_hexstr2buf_ex(sealed, sizeof sealed, &size, sealed_hex, '\0') == 1 &&
           size == sizeof sealed && seal_open(sealer, bound, sealed, size, ret->bytes);
    secret_wipe(sealer, sizeof sealer);
    return good ? DONE
                : FAULT("the second factor of account %" PRId64
                        " was sealed with another SECRET_KEY, or is damaged",
                        account);
}

static int secret_load(struct call *c, struct secret_key *ret)
{
    const struct authd *a = call_state(c);

    return secret_key_load(a->secret, a->secret_file, false, ret);
}

int second_factor_seal(struct call *c, int64_t account, const struct totp_secret *s,
                       char ret[SEALED_HEX_SIZE])
{
    const struct authd *a = call_state(c);
    cleanup(secret_key_drop) struct secret_key key = {0};
    cleanup(signing_key_drop) struct signing_key *newest = NULL;
    int r = signing_key_load(c->db, a->secret, a->secret_file, &newest);

    if (!r)
        r = secret_load(c, &key);
    if (!r)
        secret_seal(s, account, key.text, ret);
    return r;
}

int second_factor_use(struct call *c, int64_t account, bool confirmed, const char *code)
{
    cleanup(secret_key_drop) struct secret_key key = {0};
    cleanup(totp_secret_drop) struct totp_secret secret = {0};
    const char *sealed = NULL;
    int64_t last = 0, step = 0;
    int r = db_get(c, Q_totp_take, ARGS(account, confirmed), INTO(&sealed, &last));

    if (!r)
        r = secret_load(c, &key);
    if (!r)
        r = secret_unseal(sealed, account, key.text, &secret);
    if (r)
        return r;
    if (!totp_matches(&secret, code, (int64_t)time(NULL), &step) || step <= last)
        return TOTP_WRONG;
    return db_do(c, Q_totp_used, ARGS(account, step));
}

static int recovery_code_use(struct call *c, int64_t account, const char *hash)
{
    int64_t left = 0;
    char details[24];
    int r = db_do(c, Q_recovery_code_use, ARGS(account, hash));

    if (r)
        return r == NOT_FOUND ? TOTP_WRONG : r;
    log_line(LOG_LEVEL_NOTICE, "event=recovery_code_used account=%" PRId64, account);
    r = db_get(c, Q_recovery_code_count, ARGS(account), INTO(&left));
    snprintf(details, sizeof details, "%" PRId64, left);
    if (!r)
        r = audit(c, "recovery_code_used", account, "", "");
    return r ? r : mail_add(c, MAIL_recovery_used, account, NULL, details);
}

int second_factor_check(struct call *c, int64_t account, const char *code)
{
    char hash[RECOVERY_HEX_SIZE];

    return recovery_code_hash(code, hash) ? recovery_code_use(c, account, hash)
                                          : second_factor_use(c, account, true, code);
}

int second_factor_ask(struct call *c, int64_t account, const char *code)
{
    const char *sealed;
    int64_t last;
    int r = db_get(c, Q_totp_take, ARGS(account, true), INTO(&sealed, &last));

    if (r)
        return r == NOT_FOUND ? DONE : r;
    if (!code)
        return refuse(c, TOTP_REQUIRED, "totp_code", NULL);
    r = second_factor_check(c, account, code);
    return r == TOTP_WRONG ? refuse(c, r, "totp_code", NULL) : r;
}

int second_factor_remove(struct call *c, int64_t account)
{
    int r = db_do(c, Q_totp_remove, ARGS(account));

    if (!r)
        log_line(LOG_LEVEL_NOTICE, "event=second_factor_off account=%" PRId64 " by=%" PRId64,
                 account, c->caller);
    if (!r)
        r = account_doubt(c, account);
    if (!r)
        r = audit(c, "factor_off", account, "", "");
    return r ? r : mail_add(c, MAIL_factor_off, account, NULL, NULL);
}

static int row_reseal(struct db *db, const struct pg_result *rows, int i, const char *secret,
                      const char *next)
{
    cleanup(totp_secret_drop) struct totp_secret s = {0};
    cleanup(rows_drop) struct pg_result *done = NULL;
    char sealed[SEALED_HEX_SIZE];
    int64_t account = rows_i64(rows, i, 0);
    int r = secret_unseal(rows_str(rows, i, 1), account, secret, &s);

    if (r)
        return r;
    secret_seal(&s, account, next, sealed);
    return db_run(db, Q_totp_reseal, ARGS(account, (const char *)sealed), &done);
}

int second_factors_reseal(struct db *db, const char *secret, const char *path, const char *next)
{
    cleanup(secret_key_drop) struct secret_key key = {0};
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = secret_key_load(secret, path, false, &key);

    if (!r)
        r = db_run(db, Q_totp_all, NO_ARGS, &rows);
    for (int i = 0; !r && i < rows_count(rows); i++)
        r = row_reseal(db, rows, i, key.text, next);
    return r;
}
