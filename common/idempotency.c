/* Idempotency keys: check, replay, store. */
#include "common/idempotency.h"

#include <libpq-fe.h>
#include <string.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/json.h"

#define REPLY_KEPT_MAX 65536 /* bytes of a reply that is stored */
#define EXPIRE_BATCH   1000  /* rows that SQ_idempotency_expire deletes at most */
#define EXPIRE_BATCHES 20    /* of one run */
#define SIZES_MAX      48    /* bytes of two numbers */

void idempotency_of(const struct call *c, const char *params, size_t params_size, const char *body,
                    size_t body_size, struct idempotency *ret)
{
    unsigned char digest[DIGEST_SIZE];
    cleanup(text_drop) struct text input = {0};

    digest_sha256(c->key, strlen(c->key), digest);
    memcpy(ret->key_hash, "\\x", 3);
    hex_encode(digest, sizeof digest, ret->key_hash + 2);
    text_reserve(&input, SIZES_MAX + params_size + body_size); /* leaves no copies behind */
    text_printf(&input, "%zu %zu ", params_size, body_size);
    text_add(&input, params, params_size);
    text_add(&input, body, body_size);
    digest_hmac(c->key, strlen(c->key), input.data, input.size, digest);
    memcpy(ret->fingerprint, "\\x", 3);
    hex_encode(digest, sizeof digest, ret->fingerprint + 2);
    secret_wipe(input.data, input.size);
}

/* A repeat of an operation that starts a turn is attached to that turn. */
static int turn_replay(struct call *c)
{
    cleanup(json_drop) struct json_object *reply = NULL;
    const char *why;

    if (json_parse(c->out.data, c->out.size, &reply, &why))
        return FAULT("stored reply: %s", why);
    c->turn_id = json_i64(reply, "turn_id", 0);
    return DONE;
}

/* Takes the stored result from columns `at`... into the call. */
static int replay(struct call *c, const struct idempotency *i, const PGresult *res, int at)
{
    if (strcmp(rows_str(res, 0, at), i->fingerprint) != 0)
        return refuse(c, BAD_INPUT, "Idempotency-Key",
                      "this Idempotency-Key was used before with another input");
    c->replayed = true;
    c->http = (int)rows_i64(res, 0, at + 1);
    c->location = rows_null(res, 0, at + 2) ? NULL
                                            : arena_strndup(&c->arena, rows_str(res, 0, at + 2),
                                                            strlen(rows_str(res, 0, at + 2)));
    text_clear(&c->out);
    if (!rows_null(res, 0, at + 3))
        text_puts(&c->out, rows_str(res, 0, at + 3));
    return c->op->keep == KEEP_TURN ? turn_replay(c) : DONE;
}

int idempotency_check(struct call *c, const struct idempotency *i, bool lock)
{
    cleanup(rows_drop) PGresult *res = NULL;
    int r = db_run(c->db, lock ? SQ_idempotency_lock : SQ_idempotency_find,
                   ARGS(c->caller, c->op->name, (const char *)i->key_hash), &res);

    if (r)
        return r;
    if (!lock)
        return rows_count(res) ? replay(c, i, res, 0) : DONE;
    if (!rows_null(res, 0, 1))
        return replay(c, i, res, 1);
    if (rows_bool(res, 0, 0))
        return DONE;
    c->retry_after = 1;
    return IN_FLIGHT;
}

void idempotency_store(struct call *c, const struct idempotency *i, const char *location)
{
    bool whole = c->op->keep != KEEP_IDS && c->out.size && c->out.size <= REPLY_KEPT_MAX;

    db_with_commit(c->db, SQ_idempotency_store,
                   ARGS(c->caller, c->op->name, (const char *)i->key_hash,
                        (const char *)i->fingerprint, c->http ? c->http : c->op->ok, location,
                        whole ? (const char *)c->out.data : NULL, c->key_ttl));
}

int idempotency_expire(struct call *c)
{
    int64_t n = EXPIRE_BATCH;
    int r = DONE;

    for (int i = 0; !r && n >= EXPIRE_BATCH && i < EXPIRE_BATCHES; i++) {
        cleanup(rows_drop) PGresult *res = NULL;
        r = db_run(c->db, SQ_idempotency_expire, NO_ARGS, &res);
        n = r ? 0 : rows_affected(res);
    }
    return r;
}
