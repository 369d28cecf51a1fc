/* chatd's search: what is looked for, what is found, what fills the index; on a real database. */
#include "chatd/search.h"

#define ALICE   7200001
#define BOB     7200002
#define PROJECT 5200001
#include "tests/handlers/chatd_rig.h"

/* Words that stand for a query, without the owner's. */
static const char *parsed(const char *language, const char *asked)
{
    const char *index = NULL, *snippet = NULL;
    bool words;

    ck_assert_int_eq(
        db_get(c, Q_search_parse, ARGS(ALICE, asked, language), INTO(&index, &snippet, &words)),
        DONE);
    ck_assert_int_eq(strncmp(index, "'\x01", 2), 0);
    return words ? snippet : "";
}

static const struct {
    const char *language, *asked, *query;
} queries_asked[] = {
    {"simple", "ships", "'ships':*"},
    {"simple", "Old SHI", "'old' & 'shi':*"},
    {"simple", "old ships ", "'old' & 'ships':*"},
    {"simple", "\"old ships\"", "'old' <-> 'ships'"},
    {"simple", "old -ships", "'old' & !'ships'"},
    {"simple", "old or ships", "'old' | 'ships'"},
    {"simple", "\"old shi", "'old' <-> 'shi'"},
    {"simple", "and/or", "'and/or':*"},
    {"simple", "!&|:*", ""},
    {"simple", "'''\\", ""},
    {"english", "the ships", "'ships':* | 'ship':*"},
    {"english", "the", "'the':*"},
    {"german", "alte Schiffe", "'alt' & ( 'schiffe':* | 'schiff':* )"},
};

START_TEST(questions_become_queries)
{
    const char *query = parsed(queries_asked[_i].language, queries_asked[_i].asked);

    ck_assert_str_eq(query, queries_asked[_i].query);
}
END_TEST

static int64_t found(int64_t caller, const char *asked)
{
    const char *index = NULL, *snippet = NULL;
    cleanup(rows_drop) PGresult *few = NULL;
    cleanup(rows_drop) PGresult *newest = NULL;
    cleanup(rows_drop) PGresult *none = NULL;
    bool words;

    c = harness_call(OP_search, caller);
    ck_assert_int_eq(
        db_get(c, Q_search_parse, ARGS(caller, asked, "simple"), INTO(&index, &snippet, &words)),
        DONE);
    ck_assert_int_eq(
        db_rows(c, Q_search_few,
                ARGS(caller, index, snippet, "simple", 0, 50, arg_i64_if(false, 0), 1000), &few),
        DONE);
    ck_assert_int_eq(
        db_rows(c, Q_search_newest,
                ARGS(caller, index, snippet, "simple", 0, 50, arg_i64_if(false, 0), 1000, 3000),
                &newest),
        DONE);
    ck_assert_int_eq(rows_count(few), rows_count(newest)); /* two ways, one result */
    ck_assert_int_eq(
        db_rows(c, Q_search_newest,
                ARGS(caller, index, snippet, "simple", 0, 50, arg_i64_if(false, 0), 1000, 0),
                &none),
        DONE);
    ck_assert_int_eq(rows_count(none), 0); /* where nothing is looked at */
    return rows_count(few);
}

START_TEST(what_a_turn_leaves_is_found_by_its_owner)
{
    int64_t conversation;

    state.slots = 0;
    ck_assert_int_eq(say(ALICE, 0, 0, "corvettes have guns"), DONE);
    conversation = c->turn_id;
    ck_assert_int_eq(claim("p1"), ALICE);
    ck_assert_int_eq(found(ALICE, "corvettes"), 0);
    ck_assert_int_eq(finish(conversation, 1, "p1"), 1);
    c = harness_call(OP_search, ALICE);
    ck_assert_int_eq(search_fill(c), DONE);
    ck_assert_int_eq(found(ALICE, "corv"), 1);
    ck_assert_int_eq(found(ALICE, "done"), 1); /* the answer */
    ck_assert_int_eq(found(BOB, "corv"), 0);
    ck_assert_int_eq(
        number("SELECT count(*) FROM search_todo t JOIN message m ON m.id = t.message_id "
               "WHERE m.owner_id = $1",
               ALICE),
        0);
}
END_TEST

START_TEST(another_language_reads_everything_again)
{
    number("INSERT INTO search_state (language) VALUES ('german') ON CONFLICT (one) DO UPDATE "
           "SET language = 'german', upto = NULL",
           0);
    talk(ALICE, 0, "eins", "zwei");
    number("DELETE FROM search_todo", 0);
    c = harness_call(OP_search, ALICE);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(search_fill(c), DONE);
    ck_assert_int_eq(found(ALICE, "eins"), 1);
    ck_assert_str_eq(
        harness_sql(c, "SELECT language || coalesce(upto::text, '-') FROM search_state"),
        "simple-");
}
END_TEST

/* The planner does not know how many conversations somebody has: the words are looked up once. */
START_TEST(words_are_looked_up_once_for_all_conversations)
{
    static const char scans[] = "SELECT pg_stat_get_xact_numscans('search_by_words'::regclass)";
    int64_t before;

    number("INSERT INTO conversation (owner_id, project_id) SELECT $1, 1 FROM "
           "generate_series(1, 300)",
           ALICE);
    number("INSERT INTO message (conversation_id, owner_id, depth, role, status, content) "
           "SELECT id, $1, 0, 'user', 'complete', 'frigate' FROM conversation",
           ALICE);
    number("INSERT INTO search_todo SELECT id FROM message WHERE owner_id = $1", ALICE);
    c = harness_call(OP_search, ALICE);
    ck_assert_int_eq(search_fill(c), DONE);
    before = strtoll(harness_sql(c, scans), NULL, 10);
    ck_assert_int_eq(found(ALICE, "frigate"), 50); /* a page */
    ck_assert_int_eq(strtoll(harness_sql(c, scans), NULL, 10), before + 1);
}
END_TEST

START_TEST(a_long_text_is_no_error)
{
    int64_t conversation = talk(ALICE, 0, "long", "short");

    harness_sql(
        c, "INSERT INTO search_todo SELECT id FROM message ON CONFLICT DO NOTHING RETURNING 1");
    number("UPDATE message SET content = (SELECT string_agg('word' || n, ' ') FROM "
           "generate_series(1, 300000) n) WHERE conversation_id = $1 AND role = 'user'",
           conversation);
    ck_assert_int_eq(search_fill(c), DONE);
    ck_assert_int_eq(found(ALICE, "word1234"), 1);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("search");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_loop_test(t, questions_become_queries, 0,
                        sizeof queries_asked / sizeof *queries_asked);
    tcase_add_test(t, what_a_turn_leaves_is_found_by_its_owner);
    tcase_add_test(t, another_language_reads_everything_again);
    tcase_add_test(t, words_are_looked_up_once_for_all_conversations);
    tcase_add_test(t, a_long_text_is_no_error);
    return check_run("search", t);
}
