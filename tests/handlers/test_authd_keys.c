/* authd's signing keys on a real database: made once, opened with their secret only, listed. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authd/queries.h"
#include "authd/signing_keys.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/json.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "authd/queries.def"
    {0},
};

static struct call *c;

static void begin(void)
{
    harness_open("authd", "auth", queries, NULL);
    c = harness_call(OP_key_list, 0);
}

/* A connection beside the test's own. */
static struct db *database_open(void)
{
    struct db_config config = {
        .database = getenv("CHATBOT_TEST_DATABASE"),
        .role = "authd",
        .schema = "auth",
        .queries = queries,
    };
    struct db *db = NULL;

    ck_assert_int_eq(db_open(&config, &db), DONE);
    return db;
}

/* The reply of key_list, as the FAST lane answers it. */
static struct json_object *keys_listed(struct arg after, struct arg limit)
{
    c = harness_call(OP_key_list, 0);
    ck_assert_int_eq(harness_fast(c, Q_key_list, LIST_LIMIT, ARGS(after, limit)), DONE);
    return harness_reply(c);
}

static const char *key_str(struct json_object *list, size_t i, const char *name)
{
    return json_str(json_object_array_get_idx(list, i), name, "");
}

START_TEST(key_is_made_once)
{
    cleanup(signing_key_drop) struct signing_key *first = NULL, *again = NULL;
    struct json_object *list;
    char pem[PUBLIC_PEM_MAX];

    harness_sql(c, "UPDATE signing_key SET retired_at = '2000-01-01'");
    ck_assert_int_eq(signing_key_load(c->db, SECRET, "", &first), DONE);
    ck_assert_int_eq(signing_key_load(c->db, SECRET, "", &again), DONE);
    ck_assert_str_eq(first->kid, again->kid);
    list = keys_listed(arg_str(NULL), arg_str(NULL));
    ck_assert_uint_eq(json_object_array_length(list), 1);
    signing_key_pem(first, pem);
    ck_assert_str_eq(key_str(list, 0, "kid"), first->kid);
    ck_assert_str_eq(key_str(list, 0, "pem"), pem);
}
END_TEST

START_TEST(key_of_another_secret)
{
    cleanup(signing_key_drop) struct signing_key *first = NULL;
    struct signing_key *again = NULL;

    harness_sql(c, "UPDATE signing_key SET retired_at = now()");
    ck_assert_int_eq(signing_key_load(c->db, SECRET, "", &first), DONE);
    ck_assert_int_lt(signing_key_load(c->db, SECRET "x", "", &again), 0);
    ck_assert_int_lt(signing_key_load(c->db, "", "/nonexistent/secret_key", &again), 0);
    harness_sql(c, "UPDATE signing_key SET private_sealed = set_byte(private_sealed, 20, "
                   "get_byte(private_sealed, 20) # 1) WHERE retired_at IS NULL");
    ck_assert_int_lt(signing_key_load(c->db, SECRET, "", &again), 0);
    ck_assert_ptr_null(again);
}
END_TEST

/* A retired key is listed for as long as a token that it signed may live. */
START_TEST(key_list_ages)
{
    struct json_object *list;
    int64_t after;

    harness_sql(c, "UPDATE signing_key SET retired_at = '2000-01-01'");
    harness_sql(
        c, "INSERT INTO signing_key (kid, public_pem, private_sealed, secret_check, retired_at) "
           "VALUES ('a', 'A', '', '', now() - interval '26 hours'), "
           "('b', 'B', '', '', now() - interval '24 hours'), ('c', 'C', '', '', NULL)");
    list = keys_listed(arg_str(NULL), arg_str(NULL));
    ck_assert_uint_eq(json_object_array_length(list), 2);
    ck_assert_str_eq(key_str(list, 0, "kid"), "b");
    ck_assert_str_eq(key_str(list, 1, "kid"), "c");
    after = json_i64(json_object_array_get_idx(list, 0), "id", 0);
    list = keys_listed(arg_i64(after), arg_i64(1));
    ck_assert_uint_eq(json_object_array_length(list), 1);
    ck_assert_str_eq(key_str(list, 0, "kid"), "c");
}
END_TEST

static size_t keys_verifying(void)
{
    return json_object_array_length(keys_listed(arg_str(NULL), arg_str(NULL)));
}

/* Keys whose tokens are still valid, older than what is made next. */
static void keys_retire(int count)
{
    harness_sql(c, arena_printf(&c->arena,
                                "INSERT INTO signing_key (kid, public_pem, private_sealed, "
                                "secret_check, retired_at, verify_until) SELECT 'old' || n, 'P', "
                                "'', '', now(), now() + interval '1 hour' "
                                "FROM generate_series(1, %d) n",
                                count));
}

/* Another key must not push one out that verifies, whoever asks for it. */
START_TEST(keys_are_no_more_than_gateways_keep)
{
    cleanup(signing_key_drop) struct signing_key *first = NULL;
    struct json_object *list;

    harness_sql(c, "UPDATE signing_key SET retired_at = '2000-01-01', verify_until = '2000-01-01'");
    keys_retire(SIGNING_KEYS_MAX - 2);
    ck_assert_int_eq(signing_key_load(c->db, SECRET, "", &first), DONE);
    ck_assert_uint_eq(keys_verifying(), SIGNING_KEYS_MAX - 1);
    ck_assert_int_eq(signing_key_add(c->db, SECRET, "", 0, false), DONE);
    ck_assert_uint_eq(keys_verifying(), SIGNING_KEYS_MAX);
    ck_assert_int_eq(signing_key_add(c->db, SECRET, "", 0, false), LIMIT_REACHED);
    ck_assert_uint_eq(keys_verifying(), SIGNING_KEYS_MAX);
    ck_assert_int_eq(signing_key_add(c->db, SECRET, "", 0, true), DONE);
    ck_assert_uint_eq(keys_verifying(), 1);
    harness_sql(c, "DELETE FROM signing_key WHERE kid LIKE 'old%'");
    keys_retire(70);
    list = keys_listed(arg_str(NULL), arg_str(NULL));
    ck_assert_uint_eq(json_object_array_length(list), 64);
    ck_assert_str_eq(key_str(list, 63, "kid"), "old70");
}
END_TEST

/* Several first starts at once; these commit, so the key stays in the tests' own database. */
START_TEST(key_made_by_many_at_once)
{
    enum { MANY = 4 };
    int out[2];
    char first[KID_SIZE] = "", kid[KID_SIZE];

    harness_sql(c, "UPDATE signing_key SET retired_at = now() WHERE retired_at IS NULL");
    ck_assert_int_eq(db_commit(c->db), DONE);
    ck_assert_int_eq(pipe(out), 0);
    for (int i = 0; i < MANY; i++) {
        if (fork() == 0) {
            struct db *db = database_open();
            struct signing_key *k = NULL;
            int r = signing_key_open(db, SECRET, "", &k);
            _exit(r || write(out[1], k->kid, KID_SIZE) != KID_SIZE);
        }
    }
    for (int i = 0, status; i < MANY; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(read(out[0], kid, KID_SIZE), KID_SIZE);
        if (i == 0)
            memcpy(first, kid, KID_SIZE);
        ck_assert_str_eq(kid, first);
    }
    ck_assert_int_eq(db_begin(c->db), DONE);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("authd_keys");

    if (!getenv("CHATBOT_TEST_DATABASE")) {
        puts("skipped: CHATBOT_TEST_DATABASE is not set");
        return EXIT_SUCCESS;
    }
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin, harness_close);
    tcase_add_test(tests, key_is_made_once);
    tcase_add_test(tests, key_of_another_secret);
    tcase_add_test(tests, key_list_ages);
    tcase_add_test(tests, keys_are_no_more_than_gateways_keep);
    tcase_add_test(tests, key_made_by_many_at_once);
    return check_run("authd_keys", tests);
}
