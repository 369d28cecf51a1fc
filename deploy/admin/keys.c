/* Commands about the keys that sign tokens, and the secret that they are sealed under. */
#include <stdio.h>
#include <string.h>

#include "authd/audit.h"
#include "authd/second_factor.h"
#include "authd/secret_key.h"
#include "authd/signing_keys.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/digest.h"
#include "common/fault.h"
#include "deploy/admin/as_authd.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"

static int key_add(struct call *c, const struct conf *conf, const struct console *con, bool revoke)
{
    int r = signing_key_add(c->db, conf_str(conf, SET_SECRET_KEY),
                            conf_str(conf, SET_SECRET_KEY_FILE), 0, revoke);

    if (r == LIMIT_REACHED)
        return refuse(c, r, NULL,
                      "%d keys verify, as many as gateways keep: wait until the last tokens of the "
                      "oldest have ended, or revoke them all with revoke-keys",
                      SIGNING_KEYS_MAX);
    if (!r)
        r = audit(c, revoke ? "signing_keys_revoked" : "signing_key_made", 0, "", "");
    if (!r)
        puts(con->json ? "{\"done\":true}"
             : revoke  ? "a new key signs; all others are revoked"
                       : "a new key signs in some seconds");
    return r;
}

static int rotate_keys(struct call *c, const struct conf *conf, const struct console *con)
{
    return key_add(c, conf, con, false);
}

int command_rotate_keys(const struct console *con)
{
    return as_authd(con, OP_user_register, rotate_keys);
}

static int revoke_keys(struct call *c, const struct conf *conf, const struct console *con)
{
    return key_add(c, conf, con, true);
}

int command_revoke_keys(const struct console *con)
{
    return as_authd(con, OP_user_register, revoke_keys);
}

/* All that is sealed under SECRET_KEY, in one transaction. */
static int reseal(struct call *c, const struct conf *conf, const char *next)
{
    const char *secret = conf_str(conf, SET_SECRET_KEY),
               *file = conf_str(conf, SET_SECRET_KEY_FILE);
    int r = signing_keys_reseal(c->db, secret, file, next);

    if (!r)
        r = second_factors_reseal(c->db, secret, file, next);
    return r ? r : audit(c, "secret_changed", 0, "", "");
}

/* Of the file, which is made if it is missing; "-": a line of standard input. */
static int next_load(const char *file, struct secret_key *ret)
{
    char line[ASKED_MAX] = "";
    int r;

    if (strcmp(file, "-") != 0)
        return secret_key_load("", file, true, ret);
    r = secret_ask("New secret: ", line) && *line
            ? secret_key_load(line, "", false, ret)
            : FAULT("there is no secret on standard input, or it is too long");
    secret_wipe(line, sizeof line);
    return r;
}

/* Done again with the same secret it changes nothing, so that who was broken off can repeat it. */
static int rotate_secret(struct call *c, const struct conf *conf, const struct console *con)
{
    cleanup(secret_key_drop) struct secret_key next = {0};
    const char *file = console_argument(con, 0);
    bool done = false;
    int r = next_load(file, &next);

    if (!r)
        r = signing_keys_are_under(c->db, next.text, &done);
    if (!r && !done)
        r = reseal(c, conf, next.text);
    if (!r && con->json)
        puts("{\"done\":true}");
    else if (!r)
        printf("the keys are sealed under the secret in %s: make it SECRET_KEY, or "
               "SECRET_KEY_FILE, and start authd again\n",
               strcmp(file, "-") == 0 ? "standard input" : file);
    return r;
}

int command_rotate_secret(const struct console *con)
{
    if (!con->count)
        return command_by_wrapper(con);
    return as_authd(con, OP_user_register, rotate_secret);
}
