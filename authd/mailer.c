/* Mails: looked up, written and sent, one after the other, on a thread of their own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "authd/authd.h"
#include "authd/mail.h"
#include "authd/meters.h"
#include "authd/one_time_token.h"
#include "authd/queries.h"
#include "authd/sealing.h"
#include "authd/secret_key.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"
#include "common/relay.h"
#include "common/text.h"

#define LABEL       "chatbot mail token 1"
#define TRIES_MAX   20      /* then it is parked */
#define BACKOFF_MAX 3600    /* s; so a mail is tried for about nine hours */
#define METER_US    2000000 /* between two looks at how many there are */
#define FILES_S     86400   /* s that mails stay that went into files, as rows of sent ones do */
#define SWEEP_US    INT64_C(60000000)

/* One mail that is due.  Strings point into its row. */
struct due {
    int64_t id, account, tries, created;
    enum mail_kind kind;
    const char *address, *details, *seed, *time;
};

/* Who gets it.  Strings point into their row. */
struct recipient {
    int64_t account, recent;
    const char *address, *language, *pending;
    bool is_disabled, is_verified;
};

static void run(struct db *db, int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (db_run(db, query, n, args, &rows))
        log_line(LOG_LEVEL_NOTICE, "event=mail_unsettled"); /* the lease ends, it comes again */
}

static const char *text_or_null(const struct pg_result *rows, int column)
{
    return rows_null(rows, 0, column) ? NULL : rows_str(rows, 0, column);
}

static void due_read(const struct pg_result *row, struct due *ret)
{
    *ret = (struct due){.id = rows_i64(row, 0, 0),
                        .kind = mail_kind_named(rows_str(row, 0, 1)),
                        .account = rows_i64(row, 0, 2),
                        .address = text_or_null(row, 3),
                        .details = text_or_null(row, 4),
                        .seed = rows_str(row, 0, 5),
                        .tries = rows_i64(row, 0, 6),
                        .created = rows_i64(row, 0, 7),
                        .time = rows_str(row, 0, 8)};
}

/* NOT_FOUND: nobody, any more. */
static int recipient_find(struct authd *a, struct db *db, const struct due *m,
                          struct pg_result **ret_row, struct recipient *ret)
{
    char key[ADDRESS_MAX + 1] = "";
    int r;

    if (m->address)
        address_key(m->address, key);
    r = db_run(db, Q_mail_recipient, ARGS(m->account, (const char *)key, mail_kind_name(m->kind)),
               ret_row);
    if (r)
        return r;
    if (!rows_count(*ret_row))
        return NOT_FOUND;
    *ret = (struct recipient){.account = rows_i64(*ret_row, 0, 0),
                              .address = rows_str(*ret_row, 0, 1),
                              .is_disabled = rows_bool(*ret_row, 0, 2),
                              .is_verified = rows_bool(*ret_row, 0, 3),
                              .pending = text_or_null(*ret_row, 4),
                              .language = text_or_null(*ret_row, 5),
                              .recent = rows_i64(*ret_row, 0, 6)};
    if (m->account && m->address)
        ret->address = m->address;
    if (!ret->language || !letter_has_language(ret->language))
        ret->language = a->language;
    return DONE;
}

/* Whether it still makes sense, and is not one too many. */
static bool is_wanted(const struct due *m, const struct recipient *to)
{
    if (to->is_disabled || to->recent >= mail_kind_limit(m->kind))
        return false;
    if (m->kind == MAIL_verify)
        return !to->is_verified;
    if (m->kind == MAIL_address)
        return to->pending && strcmp(to->pending, to->address) == 0;
    return true;
}

/* The token of a mail: the same in each try, and nothing that is stored tells it. */
static int token_make(struct authd *a, const struct due *m, char ret[ONE_TIME_SIZE])
{
    cleanup(secret_key_drop) struct secret_key secret = {0};
    unsigned char key[SEAL_KEY_SIZE], digest[DIGEST_SIZE];
    char input[96];
    int r = secret_key_load(a->secret, a->secret_file, false, &secret);

    if (r)
        return r;
    seal_key_derive(secret.text, LABEL, key);
    snprintf(input, sizeof input, "%s:%s", mail_kind_name(m->kind), m->seed);
    digest_hmac(key, sizeof key, input, strlen(input), digest);
    base64url_encode(digest, sizeof digest, ret);
    secret_wipe(key, sizeof key);
    secret_wipe(digest, sizeof digest);
    return DONE;
}

static int token_store(struct db *db, const struct due *m, const struct recipient *to,
                       const char *token)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    char hash[ONE_TIME_HEX_SIZE];

    one_time_token_hash(token, hash);
    if (m->kind == MAIL_reset)
        return db_run(db, Q_reset_mail_store, ARGS(to->account, (const char *)hash), &rows);
    return db_run(db, Q_email_token_store,
                  ARGS(to->account, (const char *)hash, to->address, mail_kind_minutes(m->kind)),
                  &rows);
}

/* The link: with a token behind the #, which browsers send to nobody. */
static int link_write(struct authd *a, struct db *db, const struct due *m,
                      const struct recipient *to, struct text *ret)
{
    char token[ONE_TIME_SIZE];
    size_t n = strlen(a->public_url);
    int r;

    while (n && a->public_url[n - 1] == '/')
        n--;
    text_printf(ret, "%.*s/", (int)n, a->public_url);
    if (!mail_kind_minutes(m->kind))
        return DONE;
    r = token_make(a, m, token);
    if (!r)
        r = token_store(db, m, to, token);
    if (!r)
        text_printf(ret, "#%s=%s", m->kind == MAIL_reset ? "reset" : "verify", token);
    secret_wipe(token, sizeof token);
    return r;
}

static void letter_make(struct authd *a, const struct due *m, const struct recipient *to,
                        const char *link, struct text *ret)
{
    const struct letter l = {.kind = m->kind,
                             .language = to->language,
                             .site = a->site,
                             .link = link,
                             .details = m->details,
                             .time = m->time,
                             .from = a->post.from,
                             .from_name = a->post.from_name[0] ? a->post.from_name : a->site,
                             .to = to->address,
                             .id = m->seed,
                             .date = m->created};

    letter_write(&l, ret);
}

/* What became of it. */
static void settle(struct authd *a, struct db *db, const struct due *m, int64_t account,
                   enum post_result result, const char *why)
{
    bool parked = result == POST_REFUSED || m->tries >= TRIES_MAX;

    if (result == POST_DONE) {
        run(db, Q_mail_sent, ARGS(m->id, account));
        meter_add(a->meters, M_mails_total, "sent", 1);
        log_line(LOG_LEVEL_NOTICE, "event=mail_sent id=%" PRId64 " kind=%s account=%" PRId64, m->id,
                 mail_kind_name(m->kind), account);
        return;
    }
    run(db, Q_mail_failed, ARGS(m->id, why, relay_backoff((int)m->tries, BACKOFF_MAX), parked));
    meter_add(a->meters, M_mails_total, result == POST_REFUSED ? "refused" : "failed", 1);
    /* a mailbox that there is not is nothing to be mended here */
    log_line(parked && result != POST_REFUSED ? LOG_LEVEL_ERR : LOG_LEVEL_NOTICE,
             "event=%s id=%" PRId64 " kind=%s account=%" PRId64 " tries=%" PRId64 " why=\"%s\"",
             parked ? "mail_parked" : "mail_failed", m->id, mail_kind_name(m->kind), account,
             m->tries, why);
}

static void forget(struct authd *a, struct db *db, const struct due *m)
{
    run(db, Q_mail_forget, ARGS(m->id));
    meter_add(a->meters, M_mails_total, "dropped", 1);
    log_line(LOG_LEVEL_INFO, "event=mail_dropped id=%" PRId64, m->id);
}

static void deliver(struct authd *a, struct db *db, const struct due *m)
{
    cleanup(rows_drop) struct pg_result *row = NULL;
    cleanup(text_drop) struct text link = {0}, mail = {0};
    struct recipient to;
    char why[128], name[96];
    enum post_result result;
    int r = m->kind == MAIL_KINDS || a->post.way == POST_OFF ? NOT_FOUND
                                                             : recipient_find(a, db, m, &row, &to);

    if (r == NOT_FOUND || (!r && !is_wanted(m, &to))) {
        forget(a, db, m);
        return;
    }
    if (!r)
        r = link_write(a, db, m, &to, &link);
    if (r) {
        settle(a, db, m, m->account, POST_LATER, "the database");
        return;
    }
    letter_make(a, m, &to, link.data, &mail);
    snprintf(name, sizeof name, "%010" PRId64 "-%06" PRId64 "-%s", m->created, m->id,
             mail_kind_name(m->kind));
    result = post_send(&a->post, to.address, &mail, name, &a->ends, why, sizeof why);
    settle(a, db, m, to.account, result, why);
    secret_wipe(link.data, link.size);
    secret_wipe(mail.data, mail.size);
}

/* Tells how many there are. */
static void meter(struct authd *a, struct db *db)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    if (clock_us() < a->mail_meter_due_us)
        return;
    a->mail_meter_due_us = clock_us() + METER_US;
    if (!db_revive(db) || db_run(db, Q_mail_look, NO_ARGS, &rows))
        return;
    meter_set(a->meters, M_mail_rows, "waiting", rows_i64(rows, 0, 0));
    meter_set(a->meters, M_mail_rows, "parked", rows_i64(rows, 0, 1));
    meter_set(a->meters, M_mail_oldest_seconds, NULL, rows_i64(rows, 0, 2));
}

/* People's addresses, and links that have ended, do not pile up. */
static void sweep(struct authd *a)
{
    int removed;

    if (clock_us() < a->mail_sweep_due_us)
        return;
    a->mail_sweep_due_us = clock_us() + SWEEP_US;
    removed = post_sweep(&a->post, time(NULL) - FILES_S);
    if (removed)
        log_line(LOG_LEVEL_INFO, "event=mail_files_removed count=%d", removed);
}

bool mail_deliver(void *authd, struct db *db)
{
    struct authd *a = authd;
    cleanup(rows_drop) struct pg_result *row = NULL;
    struct due m;

    meter(a, db);
    sweep(a);
    if (!db_revive(db) || db_run(db, Q_mail_take, ARGS(2 * a->post.timeout_s + 30), &row) ||
        rows_count(row) == 0)
        return false;
    due_read(row, &m);
    deliver(a, db, &m);
    return true;
}
