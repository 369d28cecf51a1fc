#pragma once
/* authd on a real database, for tests of its handlers: accounts, log-ins, and what they answer. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "authd/authd.h"
#include "authd/queries.h"
#include "authd/refresh_token.h"
#include "authd/revocations.h"
#include "authd/sessions.h"
#include "authd/signing_keys.h"
#include "common/cleanup.h"
#include "common/events.h"
#include "common/json.h"
#include "common/token.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define PASSWORD "SecurePass123"
#define SECRET   "0123456789abcdef0123456789abcdef"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "authd/queries.def"
    {0},
};

static struct authd state;
static struct call *c;

static inline void begin(void)
{
    state.cost = (struct password_cost){.memory_kib = 64, .passes = 1};
    state.token_seconds = 3600;
    state.registration = "open";
    state.registration_domains = "";
    state.site = "Chatbot";
    state.public_url = "https://chat.example.com/";
    state.language = "en";
    state.secret = SECRET;
    state.secret_file = "";
    ck_assert_int_eq(password_nobody(&state.cost, state.nobody), DONE);
    harness_open("authd", "auth", queries, &state);
    c = harness_call(OP_user_me, 0);
    harness_sql(c, "UPDATE signing_key SET retired_at = '2000-01-01'");
    ck_assert_int_eq(signing_key_load(c->db, SECRET, "", &state.key), DONE);
}

static inline void end(void)
{
    harness_close();
    signing_key_drop(&state.key);
}

/* The first value of the first row. */
static inline int64_t number(const char *sql)
{
    return strtoll(harness_sql(c, sql), NULL, 10);
}

static inline int register_as(const char *email, const char *password)
{
    struct user_register_in in = {.email = email, .password = password};
    int r;

    c = harness_call(OP_user_register, 0);
    r = user_register_prepare(c, &in);
    return r ? r : user_register(c, &in);
}

static inline int64_t account_make(const char *email)
{
    ck_assert_int_eq(register_as(email, PASSWORD), DONE);
    return c->new_id;
}

static inline int login_as(const char *email, const char *password)
{
    struct user_login_in in = {.email = email, .password = password};
    int r;

    c = harness_call(OP_user_login, 0);
    r = user_login_prepare(c, &in);
    return r ? r : user_login(c, &in);
}

static inline struct evp_pkey_st *own_key(void *unused, const char *kid)
{
    (void)unused;
    return strcmp(kid, state.key->kid) == 0 ? state.key->key : NULL;
}

static inline struct token_claims reply_claims(void)
{
    const char *token = reply_str(c, "access_token"), *why = NULL;
    struct token_claims claims;

    ck_assert_int_eq(token_verify(token, strlen(token), time(NULL), own_key, NULL, &claims, &why),
                     DONE);
    return claims;
}

static inline int64_t session_make(const char *email)
{
    ck_assert_int_eq(login_as(email, PASSWORD), DONE);
    return reply_claims().session;
}

static inline int logout_as(int64_t account, int64_t session)
{
    struct user_logout_in in = {}; /* has no members */

    c = harness_call(OP_user_logout, account);
    c->session = session;
    return user_logout(c, &in);
}

/* -1: refused; else the newest revocation that the answer knows of. */
static inline int64_t session_seq(int64_t account, int64_t session)
{
    c = harness_call(OP_session_check, account);
    if (harness_fast(c, Q_session_check, 1, ARGS(session)) == NOT_FOUND)
        return -1;
    ck_assert_int_eq(reply_i64(c, "user_id"), account);
    ck_assert_str_eq(reply_str(c, "role"), "user");
    return reply_i64(c, "seq");
}
