/* Users of the seed become accounts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "authd/address.h"
#include "authd/audit.h"
#include "authd/password.h"
#include "authd/queries.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "deploy/admin/as_authd.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/seed.h"
#include "deploy/admin/seed_file.h"
#include "deploy/admin/seed_people.h"

/* What has become of one user. */
enum fate { FATE_TAKEN, FATE_THERE, FATE_SKIPPED };

struct user {
    const struct seed_row *row;
    char key[ADDRESS_MAX + 1];
    bool is_void; /* nobody can read its hash: it needs a new password */
    int64_t account;
    enum fate fate;
};

/* nobody: the hash of those whose own cannot be read. */
static int account_add(struct call *c, const char *nobody, struct user *u)
{
    const char *hash = u->row->text[1];
    struct pbkdf2 old;
    int r;

    u->is_void = !hash || strlen(hash) >= PASSWORD_HASH_MAX || !pbkdf2_read(hash, &old);
    if (u->is_void)
        hash = nobody;
    r = db_get(c, Q_seed_account, ARGS(u->row->text[0], (const char *)u->key, hash, u->is_void),
               INTO(&u->account));
    if (!r)
        r = db_do(c, Q_seed_insert, ARGS(u->row->id, (const char *)u->key, u->account));
    return r ? r : audit(c, "account_imported", u->account, "", u->is_void ? "voided" : "");
}

/* In a transaction. */
static int user_take(struct call *c, const char *nobody, const struct seed_run *run, struct user *u)
{
    int r = db_get(c, Q_seed_find, ARGS(u->row->id, (const char *)u->key), INTO(&u->account));

    u->fate = FATE_THERE;
    if (r != NOT_FOUND)
        return r;
    r = db_get(c, Q_account_id, ARGS((const char *)u->key), INTO(&u->account));
    if (r == NOT_FOUND) {
        u->fate = FATE_TAKEN;
        return account_add(c, nobody, u);
    }
    if (r || run->existing)
        return r;
    u->fate = FATE_SKIPPED;
    return DONE;
}

static void user_tell(struct seed_run *run, const struct user *u)
{
    int64_t id = u->row->id;

    if (u->fate == FATE_SKIPPED) {
        run->users.skipped++;
        seed_tell(run, "user", id,
                  "skipped: account %" PRId64 " has its address already, and may be somebody "
                  "else's; --existing gives it the projects",
                  u->account);
        return;
    }
    if (u->fate == FATE_THERE) {
        run->users.there++;
    } else {
        run->users.taken++;
        seed_tell(run, "user", id, "taken%s", u->is_void ? ", needs a new password (reset)" : "");
    }
    seed_people_add(run->people, id, run->dry && u->fate == FATE_TAKEN ? 0 : u->account);
    seed_people_name(run->people, u->key);
}

/* DONE, or a fault. */
static int user_import(struct call *c, const char *nobody, struct seed_run *run,
                       const struct seed_row *row)
{
    struct user u = {.row = row};
    const char *why = !row->id        ? "has no number beside it"
                      : !row->text[0] ? "is missing"
                                      : address_check(row->text[0]);
    int64_t ignored;
    int r;

    if (!why && seed_people_find(run->people, row->id, &ignored))
        why = "has a number that another one has, too";
    if (!why) {
        address_key(row->text[0], u.key);
        why = seed_people_named(run->people, u.key) ? "is that of another one" : NULL;
    }
    if (why) {
        run->users.skipped++;
        seed_tell(run, "user", row->id, "skipped: its address %s", why);
        return DONE;
    }
    r = db_begin(c->db);
    if (!r)
        r = user_take(c, nobody, run, &u);
    if (r || run->dry)
        db_rollback(c->db);
    else
        r = db_commit(c->db);
    arena_reset(&c->arena);
    if (!r)
        user_tell(run, &u);
    return r;
}

static int users_walk(struct call *c, const char *nobody, struct seed_run *run)
{
    const char *why = seed_begin(run->file, SEED_USERS);
    struct seed_row row;
    int more, r = 0;

    if (why)
        return console_fail("the file", why);
    while (!r && (more = seed_next(run->file, &row, &why)) > 0)
        r = user_import(c, nobody, run, &row);
    if (r)
        return console_fail("the database", c->detail ? c->detail : "did not take a user");
    return more < 0 ? console_fail("the file", why) : 0;
}

int seed_users(struct seed_run *run)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    struct call c = {.op = api_op(OP_user_register), .address = "console"};
    char nobody[PASSWORD_HASH_MAX];
    struct password_cost cost;
    int status = authd_connect(run->con, &conf, &db);

    if (status)
        return status;
    cost = (struct password_cost){(uint32_t)conf_i64(conf, SET_HASH_MEMORY),
                                  (uint32_t)conf_i64(conf, SET_HASH_PASSES)};
    if (password_nobody(&cost, nobody))
        return EXIT_FAILURE;
    c.db = db;
    status = users_walk(&c, nobody, run);
    text_drop(&c.out);
    text_drop(&c.news);
    arena_drop(&c.arena);
    return status;
}
