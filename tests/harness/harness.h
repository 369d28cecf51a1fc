#pragma once
/*
 * Handler tests: handlers called as the runtime calls them, on a real database, inside a
 * transaction that is rolled back afterwards.
 *
 * CHATBOT_TEST_DATABASE is the conninfo, without user, of a cluster with all roles and migrations;
 * tests/run makes one.  All of this is for one test at a time: open in a checked fixture's setup,
 * close in its teardown.
 */
#include <stdint.h>

#include "common/call.h"
#include "common/db.h"

struct json_object;

/*
 * Connects as a daemon's login role ("projectd") to its schema ("project") with its statements and
 * begins a transaction.  state: what call_state() gives, or NULL.  Ends the test when it cannot.
 */
void harness_open(const char *role, const char *schema, const struct query *queries, void *state);

/* Rolls back and disconnects. */
void harness_close(void);

/* Undoes what was done so far and begins a new transaction. */
void harness_rollback(void);

/* A fresh call of `op` by `caller` (0: nobody) in the open transaction.  Valid until the next one.
 */
struct call *harness_call(enum op_id op, int64_t caller);

/*
 * What the FAST lane does for c->op: runs the statement with the caller and `n` further arguments
 * and writes the reply.  limit: rows of a full page.
 */
int harness_fast(struct call *c, int query, int64_t limit, size_t n, const struct arg *args);

/* Runs SQL as this role, for what a test has to arrange or to look at; returns the first value,
 * NULL for no row or SQL NULL.  Belongs to the call. */
const char *harness_sql(struct call *c, const char *sql);

/* Runs SQL that has to fail, behind a savepoint; returns its SQLSTATE.  Belongs to the call. */
const char *harness_sql_error(struct call *c, const char *sql);

/* The reply parsed; dies with the call.  NULL when it is empty. */
struct json_object *harness_reply(struct call *c);

/* A member of the reply; ends the test when there is none, or none of that type. */
int64_t reply_i64(struct call *c, const char *name);
const char *reply_str(struct call *c, const char *name);
bool reply_is_null(struct call *c, const char *name);
