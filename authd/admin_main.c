/*
 * chatbot-admin: what whoever runs the platform does on its console: makes the first admin,
 * invites, shuts out, resets.  It works on the database as authd does, with authd's settings and
 * role, and needs no process of the platform; gateways hear of it through authd's events.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "authd/address.h"
#include "authd/admin.h"
#include "authd/password.h"
#include "authd/queries.h"
#include "authd/secret_key.h"
#include "authd/signing_keys.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/json.h"
#include "common/log.h"

#define EXIT_USAGE   2
#define TIMEOUT_MS   10000
#define PASSWORD_MAX 512

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "authd/queries.def"
    {0},
};

static const char usage_text[] =
    "usage: chatbot-admin [--set NAME=VALUE]... COMMAND\n"
    "\n"
    "  create-admin EMAIL   makes an account with the role admin; its password is asked for, or "
    "is\n"
    "                       the first line of what is not a terminal. An account that is there\n"
    "                       already becomes an admin's, and keeps its password.\n"
    "  invite [EMAIL]       prints the token of an invitation, good for 7 days\n"
    "  disable EMAIL        shuts an account out: its sessions end, its keys do not work\n"
    "  enable EMAIL         lets it in again\n"
    "  reset EMAIL          voids its password, ends its sessions, and prints the token that sets "
    "a\n"
    "                       new one (POST /users/password/reset/confirm), good for 10 minutes\n"
    "  rotate-keys          makes a new key that signs tokens; the ones before it verify until "
    "their\n"
    "                       last token has ended\n"
    "  revoke-keys          the same, for a key that got into wrong hands: no token that was "
    "signed\n"
    "                       before is valid any more; sessions go on with their refresh tokens\n"
    "  rotate-secret FILE   seals the keys under the secret in FILE (mode 0600, made if missing) "
    "in\n"
    "                       place of SECRET_KEY. Then make it SECRET_KEY, or SECRET_KEY_FILE, and\n"
    "                       start authd again.\n"
    "\n"
    "Settings are authd's (authd --help). Exit status: 0 done, 1 failed, 2 wrong usage, 78 wrong\n"
    "settings.\n";

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "chatbot-admin: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return EXIT_FAILURE;
}

/* One line without its end; false at the end of input, or when it is too long. */
static bool line_read(char ret[PASSWORD_MAX])
{
    size_t n;

    if (!fgets(ret, PASSWORD_MAX, stdin))
        return false;
    n = strcspn(ret, "\n");
    if (!ret[n] && n == PASSWORD_MAX - 1)
        return false;
    ret[n] = '\0';
    return true;
}

/* From a terminal without showing it, else from the first line. */
static bool password_ask(char ret[PASSWORD_MAX])
{
    struct termios shown, hidden;
    bool read;

    if (tcgetattr(STDIN_FILENO, &shown))
        return line_read(ret);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Password: ", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    read = line_read(ret);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return read;
}

static int account_find(struct call *c, const char *address, int64_t *ret)
{
    char key[ADDRESS_MAX + 1];

    address_key(address, key);
    return db_get(c, Q_account_id, ARGS((const char *)key), INTO(ret));
}

static int account_make(struct call *c, const struct conf *conf, const char *address)
{
    const struct password_cost cost = {(uint32_t)conf_i64(conf, SET_HASH_MEMORY),
                                       (uint32_t)conf_i64(conf, SET_HASH_PASSES)};
    char password[PASSWORD_MAX] = "", hash[PASSWORD_HASH_MAX], key[ADDRESS_MAX + 1];
    const char *why = address_check(address);
    int r;

    if (why)
        return refuse(c, BAD_INPUT, "email", "%s", why);
    if (!password_ask(password))
        return refuse(c, BAD_INPUT, "password", "a password is needed");
    why = utf8_check(password, strlen(password)) ? password_check(password) : "is not UTF-8";
    if (why) {
        secret_wipe(password, sizeof password);
        return refuse(c, BAD_INPUT, "password", "the password %s", why);
    }
    r = password_hash(password, &cost, hash);
    secret_wipe(password, sizeof password);
    address_key(address, key);
    return r ? r
             : db_one(c, Q_account_insert, ARGS(address, (const char *)key, (const char *)hash));
}

static int create_admin(struct call *c, const struct conf *conf, const char *address)
{
    const bool enabled = false;
    int64_t account = 0;
    int r = account_find(c, address, &account);

    if (r == NOT_FOUND && !(r = account_make(c, conf, address)))
        account = c->new_id;
    if (!r)
        r = account_set(c, account, &enabled, "admin");
    if (!r)
        printf("account %lld is an admin's\n", (long long)account);
    return r;
}

static int disable(struct call *c, const char *address, bool disabled)
{
    int64_t account = 0;
    int r = account_find(c, address, &account);

    if (!r)
        r = account_set(c, account, &disabled, NULL);
    if (!r)
        printf("account %lld is %s\n", (long long)account, disabled ? "disabled" : "enabled");
    return r;
}

/* The member "token" of the reply. */
static int token_print(struct call *c)
{
    cleanup(json_drop) struct json_object *reply = NULL;
    const char *why;

    if (json_parse(c->out.data, c->out.size, &reply, &why) != DONE)
        return -1;
    printf("%s\n", json_str(reply, "token", ""));
    return DONE;
}

static int reset(struct call *c, const char *address)
{
    int64_t account = 0;
    int r = account_find(c, address, &account);

    if (!r)
        r = account_void(c, account);
    return r ? r : token_print(c);
}

static int invite(struct call *c, const char *address)
{
    int r = invite_make(c, address, 0);

    return r ? r : token_print(c);
}

static int keys_rotate(struct call *c, const struct conf *conf, bool revoke)
{
    int r = signing_key_add(c->db, conf_str(conf, SET_SECRET_KEY),
                            conf_str(conf, SET_SECRET_KEY_FILE), 0, revoke);

    if (!r)
        puts(revoke ? "a new key signs; all others are revoked"
                    : "a new key signs in some seconds");
    return r;
}

static int secret_rotate(struct call *c, const struct conf *conf, const char *file)
{
    cleanup(secret_key_drop) struct secret_key next = {0};
    int r = secret_key_load("", file, true, &next);

    if (!r)
        r = signing_keys_reseal(c->db, conf_str(conf, SET_SECRET_KEY),
                                conf_str(conf, SET_SECRET_KEY_FILE), next.text);
    if (!r)
        printf(
            "the keys are sealed under the secret in %s: make it SECRET_KEY, or SECRET_KEY_FILE, "
            "and start authd again\n",
            file);
    return r;
}

static int command_run(struct call *c, const struct conf *conf, const char *command,
                       const char *address)
{
    if (strcmp(command, "create-admin") == 0)
        return create_admin(c, conf, address);
    if (strcmp(command, "invite") == 0)
        return invite(c, address);
    if (strcmp(command, "reset") == 0)
        return reset(c, address);
    if (strcmp(command, "rotate-secret") == 0)
        return secret_rotate(c, conf, address);
    if (!address)
        return keys_rotate(c, conf, strcmp(command, "revoke-keys") == 0);
    return disable(c, address, strcmp(command, "disable") == 0);
}

/* In one transaction, which is committed before anybody hears of it. */
static int command_commit(struct db *db, const struct conf *conf, const char *command,
                          const char *address)
{
    struct call c = {.op = api_op(strcmp(command, "invite") == 0  ? OP_invite_create
                                  : strcmp(command, "reset") == 0 ? OP_account_reset
                                                                  : OP_user_register),
                     .db = db,
                     .address = "console"};
    int r = db_begin(db), status = EXIT_SUCCESS;

    if (!r)
        r = command_run(&c, conf, command, address);
    if (!r)
        r = db_commit(db);
    else
        db_rollback(db);
    if (r > 0)
        status = fail(address ? address : command, c.detail ? c.detail : api_text(r));
    else if (r < 0)
        status = EXIT_FAILURE; /* said where it arose */
    fflush(stdout);
    text_drop(&c.out);
    text_drop(&c.news);
    arena_drop(&c.arena);
    return status;
}

static bool command_is_good(const char *command, int arguments)
{
    static const char *const one[] = {"create-admin", "disable", "enable",
                                      "reset",        "invite",  "rotate-secret"};

    if (strcmp(command, "rotate-keys") == 0 || strcmp(command, "revoke-keys") == 0)
        return arguments == 0;

    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        if (strcmp(command, one[i]) == 0)
            return arguments == 1 || (arguments == 0 && strcmp(command, "invite") == 0);
    return false;
}

int main(int argc, char **argv)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    int options = 1, r;

    while (options + 1 < argc && strcmp(argv[options], "--set") == 0)
        options += 2;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage_text, stdout);
        return EXIT_SUCCESS;
    }
    if (options >= argc || !command_is_good(argv[options], argc - options - 1)) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    log_name("chatbot-admin");
    if ((r = conf_load(SVC_AUTH, "chatbot-admin", options, argv, &conf)) != 0)
        return r;
    const struct db_config config = {.database = conf_str(conf, SET_DATABASE),
                                     .role = "authd",
                                     .schema = "auth",
                                     .schema_version = AUTH_SCHEMA_VERSION,
                                     .statement_timeout_ms = TIMEOUT_MS,
                                     .queries = queries};
    if (db_open(&config, &db) != DONE)
        return fail("the database does not answer", NULL);
    return command_commit(db, conf, argv[options], argv[options + 1]);
}
