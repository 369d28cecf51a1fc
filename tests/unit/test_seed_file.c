/* SQLite files of the platform before this one: which ones are read, and what their rows say. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "deploy/admin/seed_file.h"
#include "tests/unit/check_main.h"

#define TABLES                                                                       \
    "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, hashed_password TEXT);" \
    "CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT, user_id INTEGER);"    \
    "CREATE TABLE prompts (id INTEGER PRIMARY KEY, name TEXT, content TEXT, project_id INTEGER);"

static char dir[] = "/tmp/chatbot-seed-XXXXXX", path[64];
static struct seed_file *f;

static void begin(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/app.db", dir);
}

static void end(void)
{
    char command[100];

    seed_close(&f);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void make(const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s", why);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void put(const char *ending, const char *bytes, size_t size)
{
    char name[80];
    FILE *to;

    snprintf(name, sizeof name, "%s%s", path, ending);
    to = fopen(name, "w");
    ck_assert_uint_eq(fwrite(bytes, 1, size, to), size);
    ck_assert_int_eq(fclose(to), 0);
}

static void opens(void)
{
    const char *why = seed_open(path, &f);

    ck_assert_msg(!why, "%s", why);
}

static void refused(const char *at, const char *what)
{
    const char *why = seed_open(at, &f);

    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, what) != NULL, "%s", why);
    seed_close(&f);
}

START_TEST(what_is_no_such_file)
{
    refused("/nonexistent/app.db", "No such file");
    refused(dir, "is no file");
    put("", "", 0);
    refused(path, "is no SQLite file");
    put("", "SQLite format 3", 16); /* with its NUL, and nothing behind it */
    refused(path, "is no SQLite file");
    put("",
        "a text that is long enough to be a header of a file, but is none, however long it may "
        "be, of SQLite itself",
        100);
    refused(path, "is no SQLite file");
}
END_TEST

/* Something is still in its log: rows would be missing. */
START_TEST(a_file_in_use_is_refused)
{
    static const char *const endings[] = {"-wal", "-journal"};

    make(TABLES);
    for (int i = 0; i < 2; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        put(endings[i], "x", 1);
        refused(path, "is in use");
        put(endings[i], "", 0);
        opens();
        seed_close(&f);
        unlink(name);
    }
}
END_TEST

START_TEST(a_file_that_breaks_off)
{
    const char *why;

    make(TABLES "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                "INSERT INTO users SELECT i, 'a' || i || '@example.org', 'x' FROM n");
    opens();
    ck_assert_ptr_null(seed_check(f));
    seed_close(&f);
    ck_assert_int_eq(truncate(path, 40000), 0);
    why = seed_open(path, &f);
    if (!why)
        why = seed_check(f);
    ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(standard_input_is_read)
{
    int fd;

    make(TABLES "INSERT INTO users VALUES (1, 'ada@example.org', 'x')");
    fd = open(path, O_RDONLY);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    ck_assert_ptr_null(seed_open("-", &f));
    ck_assert_ptr_null(seed_check(f));
}
END_TEST

/* What is in memory is read like a file, from a copy of its own. */
START_TEST(bytes_are_read)
{
    char bytes[32768];
    struct seed_row row;
    const char *why = "";
    size_t size;
    FILE *from;

    make(TABLES "INSERT INTO users VALUES (1, 'ada@example.org', 'x')");
    from = fopen(path, "r");
    ck_assert_ptr_nonnull(from);
    size = fread(bytes, 1, sizeof bytes, from);
    ck_assert(feof(from));
    fclose(from);
    ck_assert_ptr_null(seed_open_bytes(bytes, size, &f));
    memset(bytes, 0, size);
    ck_assert_ptr_null(seed_check(f));
    ck_assert_ptr_null(seed_begin(f, SEED_USERS));
    ck_assert_int_eq(seed_next(f, &row, &why), 1);
    ck_assert_str_eq(row.text[0], "ada@example.org");
    ck_assert_int_eq(seed_next(f, &row, &why), 0);
}
END_TEST

/* A table that lacks a column, or is a view. */
static const struct {
    const char *sql, *missing;
} lacking[] = {
    {"CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)", "users"},
    {"CREATE TABLE users (email TEXT, password TEXT)", "users"},
    {"CREATE TABLE users (id INTEGER, email TEXT, password TEXT);"
     "CREATE TABLE projects (id INTEGER, name TEXT)",
     "projects"},
    {"CREATE TABLE users (id INTEGER, email TEXT, password TEXT);"
     "CREATE TABLE projects (id INTEGER, title TEXT, owner_id INTEGER)",
     "prompts"},
    {"CREATE TABLE others (id INTEGER, email TEXT, password TEXT);"
     "CREATE VIEW users AS SELECT * FROM others",
     "users"},
};

START_TEST(what_a_table_lacks_is_named)
{
    const char *why;

    make(lacking[_i].sql);
    opens();
    why = seed_check(f);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, lacking[_i].missing) != NULL, "%s", why);
}
END_TEST

static void row_is(int64_t id, int64_t owner, const char *one, const char *other)
{
    struct seed_row row;
    const char *why = "";

    ck_assert_msg(seed_next(f, &row, &why) == 1, "%s", why);
    ck_assert_int_eq(row.id, id);
    ck_assert_int_eq(row.owner, owner);
    ck_assert_pstr_eq(row.text[0], one);
    ck_assert_pstr_eq(row.text[1], other);
}

/* Columns have several names; what is no text, no UTF-8, or has a NUL in it, is none. */
START_TEST(rows_are_what_they_say)
{
    struct seed_row row;
    const char *why = "";

    make(
        "CREATE TABLE users (id INTEGER, email TEXT, password_hash TEXT);"
        "CREATE TABLE projects (id INTEGER, title TEXT, owner_id);"
        "CREATE TABLE prompts (id, name, text, project_id);"
        "INSERT INTO users VALUES (2, 'b@example.org', NULL), (1, 'a@example.org', 'hash');"
        "INSERT INTO projects VALUES (7, CAST(x'ff41' AS TEXT), 'one'), (8, 'P', 2);"
        "INSERT INTO prompts VALUES ('x', 'a' || char(0) || 'b', x'6162', 7), (9, '\u00e9', 5, 8)");
    opens();
    ck_assert_ptr_null(seed_check(f));
    ck_assert_ptr_null(seed_begin(f, SEED_USERS));
    row_is(1, 0, "a@example.org", "hash");
    row_is(2, 0, "b@example.org", NULL);
    ck_assert_int_eq(seed_next(f, &row, &why), 0);
    ck_assert_ptr_null(seed_begin(f, SEED_PROJECTS));
    row_is(7, 0, NULL, NULL);
    row_is(8, 2, "P", NULL);
    ck_assert_ptr_null(seed_begin(f, SEED_PROMPTS));
    row_is(9, 8, "\xc3\xa9", NULL);
    row_is(0, 7, NULL, NULL);
}
END_TEST

START_TEST(others_are_counted)
{
    const char *name;
    int64_t rows;

    make(TABLES "CREATE TABLE files (id INTEGER); INSERT INTO files VALUES (1), (2);"
                "CREATE TABLE empty (id INTEGER);"
                "CREATE TABLE alembic_version (v TEXT); INSERT INTO alembic_version VALUES ('x');"
                "CREATE TABLE \"a\"\"b\" (id INTEGER); INSERT INTO \"a\"\"b\" VALUES (1)");
    opens();
    ck_assert(seed_other(f, &name, &rows));
    ck_assert_str_eq(name, "files");
    ck_assert_int_eq(rows, 2);
    ck_assert(seed_other(f, &name, &rows));
    ck_assert_str_eq(name, "a\"b");
    ck_assert_int_eq(rows, 1);
    ck_assert(!seed_other(f, &name, &rows));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("seed_file");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, what_is_no_such_file);
    tcase_add_test(tests, a_file_in_use_is_refused);
    tcase_add_test(tests, a_file_that_breaks_off);
    tcase_add_test(tests, standard_input_is_read);
    tcase_add_test(tests, bytes_are_read);
    tcase_add_loop_test(tests, what_a_table_lacks_is_named, 0,
                        (int)(sizeof lacking / sizeof *lacking));
    tcase_add_test(tests, rows_are_what_they_say);
    tcase_add_test(tests, others_are_counted);
    return check_run("seed_file", tests);
}
