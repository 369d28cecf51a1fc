#pragma once
/* chatd's handlers on a real database, without an upstream: a process that accepts and claims. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "chatd/chat.h"
#include "chatd/chatd.h"
#include "chatd/context.h"
#include "chatd/history.h"
#include "chatd/queries.h"
#include "chatd/turn.h"
#include "chatd/upstream/tokens.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

/* A test with accounts of its own defines all three: programs run beside each other. */
#ifndef ALICE
#define ALICE   7000001
#define BOB     7000002
#define PROJECT 5000001
#endif
#define PER_USER 2 /* turns of one user that run at once, in claims */

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "chatd/queries.def"
    {0},
};

static struct chatd state;
static struct context context = {.sent_with = "{}"};
static struct chat_prepared prepared = {.context = &context};
static struct call *c;

/* queue_max: "QUEUE_MAX=N" */
static inline void conf_begin(const char *queue_max)
{
    char *argv[] = {"chatd", "--set", (char *)queue_max, "--set", "MAX_TOKENS_PER_USER_DAY=13000",
                    NULL};

    conf_drop((struct conf **)&state.conf);
    ck_assert_int_eq(conf_load(SVC_CHAT, "chatd", 5, argv, (struct conf **)&state.conf), 0);
}

static inline void begin(void)
{
    conf_begin("QUEUE_MAX=1000");
    state.slots = 1;
    harness_open("chatd", "chat", queries, &state);
    state.beat_us = clock_boot_us();
    c = harness_call(OP_chat_create, ALICE);
    state.daemon = c->daemon;
    /* what other tests or a running chatd may have left does not count here */
    harness_sql(
        c, "UPDATE turn SET state = 'cancelled' WHERE state IN ('queued', 'running') RETURNING 1");
}

static inline void end(void)
{
    harness_close();
    conf_drop((struct conf **)&state.conf);
}

static inline int64_t number(const char *fmt, int64_t id)
{
    char sql[400];
    const char *value;

    snprintf(sql, sizeof sql, "%s", fmt);
    if (id) {
        char *at = strstr(sql, "$1");
        char rest[200];
        ck_assert_ptr_nonnull(at);
        snprintf(rest, sizeof rest, "%s", at + 2);
        snprintf(at, sizeof sql - (size_t)(at - sql), "%" PRId64 "%s", id, rest);
    }
    value = harness_sql(c, sql);
    return value ? strtoll(value, NULL, 10) : -1;
}

static inline int say(int64_t caller, int64_t conversation, int64_t parent, const char *message)
{
    struct chat_create_in in = {.project_id = PROJECT,
                                .message = message,
                                .conversation_id = conversation,
                                .has_parent_id = parent != 0,
                                .parent_id = parent};

    c = harness_call(OP_chat_create, caller);
    c->prepared = &prepared;
    return chat_create(c, &in);
}

/* Accepts a message and answers it at once; returns the conversation. */
static inline int64_t talk(int64_t caller, int64_t conversation, const char *message,
                           const char *answer)
{
    char sql[400];
    int64_t turn;

    ck_assert_int_eq(say(caller, conversation, 0, message), DONE);
    turn = reply_i64(c, "turn_id");
    conversation = reply_i64(c, "conversation_id");
    snprintf(
        sql, sizeof sql,
        "WITH t AS (UPDATE turn SET state = 'completed' WHERE id = %" PRId64
        " RETURNING message_id) "
        "UPDATE message SET content = '%s', status = 'complete' FROM t WHERE id = t.message_id "
        "RETURNING 1",
        turn, answer);
    harness_sql(c, sql);
    return conversation;
}

static inline int64_t claim(const char *process)
{
    cleanup(rows_drop) PGresult *row = NULL;

    ck_assert_int_eq(db_rows(c, Q_turn_claim, ARGS(process, PER_USER), &row), DONE);
    return rows_count(row) ? rows_i64(row, 0, 1) : 0;
}

/* A turn of ALICE's that `process` runs. */
static inline int64_t asked(const char *process)
{
    int64_t turn;

    ck_assert_int_eq(say(ALICE, 0, 0, "Hello"), DONE);
    turn = c->turn_id;
    ck_assert_int_eq(claim(process), ALICE);
    return turn;
}

static inline int64_t finish(int64_t turn, int64_t fence, const char *process)
{
    cleanup(rows_drop) PGresult *row = NULL;

    ck_assert_int_eq(
        db_rows(c, Q_turn_finish,
                ARGS(turn, fence, process, "completed", "complete", "done", "stop", 3, 4, 0,
                     (const char *)NULL, (const char *)NULL, arg_bool_if(false, false), "[]", true),
                &row),
        DONE);
    return rows_count(row);
}

static inline void owner_add(const char *process)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    ck_assert_int_eq(db_rows(c, Q_owner_insert, ARGS(process), &rows), DONE);
}

static inline int64_t changed(int query, size_t n, const struct arg *args)
{
    cleanup(rows_drop) PGresult *rows = NULL;

    ck_assert_int_eq(db_rows(c, query, n, args, &rows), DONE);
    return rows_affected(rows);
}

/* Text behind `at` bytes of a turn's answer: 1, or 0 if it was refused. */
static inline int64_t appended(int64_t turn, int64_t fence, const char *process, int64_t at,
                               const char *text)
{
    char piece[200];

    snprintf(piece, sizeof piece,
             "[{\"turn\":%" PRId64 ",\"fence\":%" PRId64 ",\"at\":%" PRId64
             ",\"text\":\"%s\",\"tokens\":%" PRId64 "}]",
             turn, fence, at, text, tokens_estimate(text, strlen(text)));
    return changed(Q_turn_append, ARGS(process, (const char *)piece));
}
