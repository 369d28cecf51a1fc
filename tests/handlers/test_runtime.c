/* What the runtime keeps in the database: idempotency keys, and what errors of it mean. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/idempotency.h"
#include "common/log.h"
#include "tests/unit/check_main.h"

#define PACE_US 110000
#define CALLER  8800001 /* all rows of these tests are this account's */

enum { Q_row, Q_row_lock, Q_row_again, Q_rows, Q_me, Q_kill, Q_slow };

/* Rows of the table that is there anyway stand for what an operation changes. */
#define ROW                                                                          \
    "INSERT INTO idempotency (caller, op, key_hash, fingerprint, http, expires_at) " \
    "VALUES ($1::bigint, 'row', decode($2, 'escape'), '\\x00', 200, now() + interval '1 h')"
static const struct query queries[] = {
    [Q_row] = {"row", ROW " ON CONFLICT DO NOTHING"},
    [Q_row_lock] = {"row_lock",
                    "SELECT 1 FROM idempotency WHERE caller = $1::bigint AND op = 'row' "
                    "FOR UPDATE"},
    [Q_row_again] = {"row_again", ROW},
    [Q_rows] = {"rows", "SELECT count(*) FROM idempotency WHERE caller = $1::bigint AND op = $2"},
    [Q_me] = {"me", "SELECT pg_backend_pid()::bigint"},
    [Q_kill] = {"kill", "SELECT pg_terminate_backend($1::int)"},
    [Q_slow] = {"slow", "SELECT pg_sleep($1::float8)"},
    {0},
};

/* Two workers. */
static struct {
    struct db *db;
    struct call call;
    struct idempotency key;
} a, b;

static struct db *connection(int statement_timeout_ms)
{
    struct db_config config = {
        .database = getenv("CHATBOT_TEST_DATABASE"),
        .role = "projectd",
        .schema = "project",
        .statement_timeout_ms = statement_timeout_ms,
        .queries = queries,
    };
    struct db *db = NULL;

    if (!config.database)
        ck_abort_msg("CHATBOT_TEST_DATABASE is not set; run tests/run --only handlers");
    ck_assert_int_eq(db_open(&config, &db), DONE);
    return db;
}

static struct call call_of(struct db *db)
{
    return (struct call){.op = api_op(OP_project_create),
                         .caller = CALLER,
                         .trace = "test",
                         .address = "",
                         .key = "a key of this test",
                         .key_ttl = 60,
                         .deadline_us = clock_us() + 30000000,
                         .db = db};
}

static void erase(void)
{
    ck_assert_int_eq(db_command(a.db, "DELETE FROM idempotency WHERE caller = 8800001"), DONE);
}

static void begin(void)
{
    log_limit(LOG_LEVEL_ERR);
    a.db = connection(10000);
    b.db = connection(10000);
    a.call = call_of(a.db);
    b.call = call_of(b.db);
    idempotency_of(&a.call, "", 0, "{}", 2, &a.key);
    b.key = a.key;
    erase();
}

static void call_end(struct call *c)
{
    text_drop(&c->out);
    arena_drop(&c->arena);
}

static void end(void)
{
    db_rollback(a.db);
    db_revive(a.db);
    erase();
    call_end(&a.call);
    call_end(&b.call);
    db_close(&a.db);
    db_close(&b.db);
}

static int64_t count(struct call *c, const char *op)
{
    int64_t n = -1;

    ck_assert_int_eq(db_get(c, Q_rows, ARGS(CALLER, op), INTO(&n)), DONE);
    return n;
}

/* The first execution: an answer is stored with what was changed. */
static void first(const char *answer)
{
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(idempotency_check(&a.call, &a.key, true), DONE);
    ck_assert(!a.call.replayed);
    ck_assert_int_eq(db_do(&a.call, Q_row, ARGS(CALLER, answer)), DONE);
    text_clear(&a.call.out);
    text_puts(&a.call.out, answer);
    idempotency_store(&a.call, &a.key, "/projects/7");
    ck_assert_int_eq(db_commit(a.db), DONE);
}

START_TEST(a_repeat_gets_the_first_result)
{
    first("{\"id\":7}");
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, true), DONE);
    ck_assert_int_eq(db_commit(b.db), DONE);
    ck_assert(b.call.replayed);
    ck_assert_str_eq(b.call.out.data, "{\"id\":7}");
    ck_assert_str_eq(b.call.location, "/projects/7");
    ck_assert_int_eq(b.call.http, 201);
    /* also where prepare looks, outside of a transaction */
    b.call.replayed = false;
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    ck_assert(b.call.replayed);
}
END_TEST

START_TEST(another_input_is_refused)
{
    first("{\"id\":7}");
    idempotency_of(&b.call, "", 0, "{ }", 3, &b.key);
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, true), BAD_INPUT);
    db_rollback(b.db);
    ck_assert_str_eq(b.call.field, "Idempotency-Key");
    ck_assert(!b.call.replayed);
    ck_assert_uint_eq(b.call.out.size, 0);
}
END_TEST

START_TEST(parameters_are_input_too)
{
    struct idempotency one, other;

    idempotency_of(&a.call, "id\0001\0", 5, "{}", 2, &one);
    idempotency_of(&a.call, "id\0002\0", 5, "{}", 2, &other);
    ck_assert_str_eq(one.key_hash, other.key_hash);
    ck_assert_str_ne(one.fingerprint, other.fingerprint);
    /* the border between the two counts */
    idempotency_of(&a.call, "ab", 2, "c", 1, &one);
    idempotency_of(&a.call, "a", 1, "bc", 2, &other);
    ck_assert_str_ne(one.fingerprint, other.fingerprint);
}
END_TEST

START_TEST(keys_are_their_callers_and_operations)
{
    first("{\"id\":7}");
    b.call.caller = CALLER + 1;
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    ck_assert(!b.call.replayed);
    b.call.caller = CALLER;
    b.call.op = api_op(OP_prompt_create);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    ck_assert(!b.call.replayed);
}
END_TEST

START_TEST(a_duplicate_under_way_is_told_at_once)
{
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(idempotency_check(&a.call, &a.key, true), DONE);
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, true), IN_FLIGHT);
    ck_assert_uint_eq(b.call.retry_after, 1);
    db_rollback(b.db);
    /* the first one failed: now it may */
    db_rollback(a.db);
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, true), DONE);
    ck_assert(!b.call.replayed);
    db_rollback(b.db);
}
END_TEST

/* The second one looked before the first one's COMMIT, and got the lock after it. */
START_TEST(a_duplicate_that_looked_too_early_changes_nothing)
{
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    first("{\"id\":7}");
    ck_assert_int_eq(db_do(&b.call, Q_row, ARGS(CALLER, "y")), DONE);
    text_puts(&b.call.out, "{\"id\":8}");
    idempotency_store(&b.call, &b.key, "/projects/8");
    ck_assert_int_eq(db_commit(b.db), IN_FLIGHT);
    ck_assert_int_eq(count(&b.call, "row"), 1);
    text_clear(&b.call.out);
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    ck_assert_str_eq(b.call.out.data, "{\"id\":7}");
}
END_TEST

START_TEST(an_expired_result_is_replaced)
{
    first("{\"id\":7}");
    ck_assert_int_eq(db_command(a.db, "UPDATE idempotency SET expires_at = now() - interval '1 s' "
                                      "WHERE caller = 8800001"),
                     DONE);
    idempotency_of(&a.call, "", 0, "other", 5, &a.key); /* the key is free again */
    first("{\"id\":9}");
    ck_assert_int_eq(idempotency_check(&a.call, &a.key, false), DONE);
    ck_assert(a.call.replayed);
    ck_assert_str_eq(a.call.out.data, "{\"id\":9}");
    ck_assert_int_eq(count(&a.call, "project_create"), 1);
}
END_TEST

START_TEST(a_rollback_leaves_nothing)
{
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(idempotency_check(&a.call, &a.key, true), DONE);
    ck_assert_int_eq(db_do(&a.call, Q_row, ARGS(CALLER, "x")), DONE);
    text_puts(&a.call.out, "{}");
    idempotency_store(&a.call, &a.key, NULL);
    db_rollback(a.db);
    ck_assert_int_eq(count(&b.call, "row"), 0);
    ck_assert_int_eq(count(&b.call, "project_create"), 0);
    /* nor does it travel with the next COMMIT */
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(db_do(&a.call, Q_row, ARGS(CALLER, "x")), DONE);
    ck_assert_int_eq(db_commit(a.db), DONE);
    ck_assert_int_eq(count(&b.call, "row"), 1);
    ck_assert_int_eq(count(&b.call, "project_create"), 0);
}
END_TEST

START_TEST(an_operation_may_keep_no_text)
{
    struct op op = *api_op(OP_project_create);

    op.keep = KEEP_IDS;
    a.call.op = b.call.op = &op;
    first("{\"secret\":7}");
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    ck_assert(b.call.replayed);
    ck_assert_uint_eq(b.call.out.size, 0);
    ck_assert_int_eq(b.call.http, 201);
    ck_assert_str_eq(b.call.location, "/projects/7");
}
END_TEST

START_TEST(a_turn_is_found_again)
{
    a.call.op = b.call.op = api_op(OP_chat_create);
    first("{\"turn_id\":4711}");
    ck_assert_int_eq(idempotency_check(&b.call, &b.key, false), DONE);
    ck_assert_int_eq(b.call.turn_id, 4711);
}
END_TEST

START_TEST(all_that_has_expired_goes)
{
    ck_assert_int_eq(
        db_command(a.db, "INSERT INTO idempotency (caller, op, key_hash, fingerprint, http, "
                         "expires_at) SELECT 8800001, 'old', decode(i::text, 'escape'), '\\x00', "
                         "200, now() + CASE WHEN i > 2500 THEN interval '1 h' "
                         "ELSE interval '-1 s' END FROM generate_series(1, 2600) i"),
        DONE);
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(idempotency_expire(&a.call), DONE);
    ck_assert_int_eq(db_commit(a.db), DONE);
    ck_assert_int_eq(count(&a.call, "old"), 100);
}
END_TEST

/* ---- transactions ---- */

START_TEST(nothing_is_committed_that_failed)
{
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(db_do(&a.call, Q_row, ARGS(CALLER, "x")), DONE);
    ck_assert_int_eq(db_do(&a.call, Q_row_again, ARGS(CALLER, "x")), CONFLICT);
    ck_assert(db_failed(a.db));
    log_limit(0); /* the line that has to come */
    ck_assert_int_lt(db_commit(a.db), 0);
    log_limit(LOG_LEVEL_ERR);
    ck_assert(!db_failed(a.db));
    ck_assert_int_eq(count(&a.call, "row"), 0);
}
END_TEST

START_TEST(an_empty_transaction_is_none)
{
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(db_commit(a.db), DONE);
    ck_assert_int_eq(db_begin(a.db), DONE);
    db_rollback(a.db);
    ck_assert_int_eq(PQtransactionStatus(db_conn(a.db)), PQTRANS_IDLE);
}
END_TEST

/* ---- errors ---- */

START_TEST(raised_codes_are_statuses)
{
    ck_assert_int_eq(db_command(a.db, "DO $$ BEGIN RAISE EXCEPTION 'limit_reached'; END $$"),
                     LIMIT_REACHED);
    ck_assert_int_eq(db_command(a.db, "DO $$ BEGIN RAISE EXCEPTION 'forbidden'; END $$"),
                     FORBIDDEN);
    log_limit(0);
    ck_assert_int_lt(db_command(a.db, "DO $$ BEGIN RAISE EXCEPTION 'no such code'; END $$"), 0);
    ck_assert_int_lt(db_command(a.db, "SELECT 1 / 0"), 0);
    ck_assert(db_usable(a.db));
}
END_TEST

START_TEST(a_duplicate_row_is_a_conflict)
{
    ck_assert_int_eq(db_do(&a.call, Q_row_again, ARGS(CALLER, "x")), DONE);
    ck_assert_int_eq(db_do(&a.call, Q_row_again, ARGS(CALLER, "x")), CONFLICT);
}
END_TEST

START_TEST(a_row_that_stays_locked_is_busy)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    ck_assert_int_eq(db_do(&a.call, Q_row, ARGS(CALLER, "x")), DONE);
    ck_assert_int_eq(db_begin(a.db), DONE);
    ck_assert_int_eq(db_rows(&a.call, Q_row_lock, ARGS(CALLER), &rows), DONE);
    rows_drop(&rows);
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(db_rows(&b.call, Q_row_lock, ARGS(CALLER), &rows), BUSY);
    db_rollback(b.db);
    db_rollback(a.db);
    ck_assert_int_eq(db_rows(&b.call, Q_row_lock, ARGS(CALLER), &rows), DONE);
}
END_TEST

START_TEST(a_statement_that_takes_too_long_is_busy)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;

    db_close(&b.db);
    b.db = b.call.db = connection(200);
    ck_assert_int_eq(db_rows(&b.call, Q_slow, ARGS(2.0), &rows), BUSY);
    ck_assert(db_usable(b.db));
    ck_assert_int_eq(db_rows(&b.call, Q_slow, ARGS(0.0), &rows), DONE);
}
END_TEST

static void kill_b(void)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int64_t pid = 0;

    usleep(PACE_US); /* an older connection is tried again at once */
    ck_assert_int_eq(db_get(&b.call, Q_me, NO_ARGS, INTO(&pid)), DONE);
    ck_assert_int_eq(db_rows(&a.call, Q_kill, ARGS(pid), &rows), DONE);
}

START_TEST(a_lost_connection_comes_back)
{
    int64_t pid = 0;

    kill_b();
    ck_assert_int_eq(db_get(&b.call, Q_me, NO_ARGS, INTO(&pid)), UNAVAILABLE);
    ck_assert(!db_usable(b.db));
    ck_assert(db_revive(b.db));
    ck_assert(db_usable(b.db));
    ck_assert_int_eq(db_get(&b.call, Q_me, NO_ARGS, INTO(&pid)), DONE);
    ck_assert_int_gt(pid, 0);
}
END_TEST

START_TEST(a_connection_lost_with_begin_or_commit)
{
    kill_b();
    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(db_do(&b.call, Q_row, ARGS(CALLER, "x")), UNAVAILABLE);
    db_rollback(b.db);
    ck_assert(db_revive(b.db));

    ck_assert_int_eq(db_begin(b.db), DONE);
    ck_assert_int_eq(db_do(&b.call, Q_row, ARGS(CALLER, "x")), DONE);
    kill_b();
    text_puts(&b.call.out, "{}");
    idempotency_store(&b.call, &b.key, NULL);
    ck_assert_int_eq(db_commit(b.db), UNAVAILABLE);
    ck_assert_int_eq(count(&a.call, "row"), 0);
    ck_assert_int_eq(count(&a.call, "project_create"), 0);
}
END_TEST

START_TEST(reconnecting_is_paced)
{
    int tries = 0;

    kill_b();
    ck_assert(db_usable(b.db));
    for (int64_t until = clock_us() + 550000; clock_us() < until;) {
        db_break(b.db);
        tries += db_revive(b.db);
    }
    ck_assert_int_ge(tries, 3);
    ck_assert_int_le(tries, 6);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("runtime");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_repeat_gets_the_first_result);
    tcase_add_test(t, another_input_is_refused);
    tcase_add_test(t, parameters_are_input_too);
    tcase_add_test(t, keys_are_their_callers_and_operations);
    tcase_add_test(t, a_duplicate_under_way_is_told_at_once);
    tcase_add_test(t, a_duplicate_that_looked_too_early_changes_nothing);
    tcase_add_test(t, an_expired_result_is_replaced);
    tcase_add_test(t, a_rollback_leaves_nothing);
    tcase_add_test(t, an_operation_may_keep_no_text);
    tcase_add_test(t, a_turn_is_found_again);
    tcase_add_test(t, all_that_has_expired_goes);
    tcase_add_test(t, nothing_is_committed_that_failed);
    tcase_add_test(t, an_empty_transaction_is_none);
    tcase_add_test(t, raised_codes_are_statuses);
    tcase_add_test(t, a_duplicate_row_is_a_conflict);
    tcase_add_test(t, a_row_that_stays_locked_is_busy);
    tcase_add_test(t, a_statement_that_takes_too_long_is_busy);
    tcase_add_test(t, a_lost_connection_comes_back);
    tcase_add_test(t, a_connection_lost_with_begin_or_commit);
    tcase_add_test(t, reconnecting_is_paced);
    return check_run("runtime", t);
}
