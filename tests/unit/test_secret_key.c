/* authd/secret_key.h: where SECRET_KEY comes from, and which files are refused. */
#include "authd/secret_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/api.h"
#include "tests/unit/check_main.h"

#define GIVEN "a secret of more than 32 characters"

static char folder[64], path[96];
static struct secret_key s;

static void folder_make(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_secret_key.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/secret_key", folder);
}

static void folder_remove(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* no draft is left behind */
}

static void file_write(const char *text, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

START_TEST(given_wins)
{
    ck_assert_int_eq(secret_key_load(GIVEN, path, true, &s), DONE);
    ck_assert_str_eq(s.text, GIVEN);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_lt(secret_key_load("too short", path, true, &s), 0);
}
END_TEST

START_TEST(nothing_set)
{
    ck_assert_int_lt(secret_key_load("", "", true, &s), 0);
}
END_TEST

START_TEST(made_once)
{
    struct secret_key again;
    struct stat st;

    ck_assert_int_eq(secret_key_load("", path, true, &s), DONE);
    ck_assert_uint_ge(strlen(s.text), 43); /* 256 bits */
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(secret_key_load("", path, true, &again), DONE);
    ck_assert_str_eq(again.text, s.text);
    ck_assert_int_eq(secret_key_load("", path, false, &again), DONE);
    ck_assert_str_eq(again.text, s.text);
    unlink(path);
    ck_assert_int_eq(secret_key_load("", path, true, &again), DONE);
    ck_assert_str_ne(again.text, s.text);
}
END_TEST

START_TEST(not_made_when_keys_need_the_old_one)
{
    ck_assert_int_lt(secret_key_load("", path, false, &s), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(folder_missing)
{
    ck_assert_int_lt(secret_key_load("", "/nonexistent/secret_key", true, &s), 0);
}
END_TEST

START_TEST(line_ends_are_not_part_of_it)
{
    file_write(GIVEN "\r\n", sizeof GIVEN + 1, 0600);
    ck_assert_int_eq(secret_key_load("", path, false, &s), DONE);
    ck_assert_str_eq(s.text, GIVEN);
    file_write(GIVEN, sizeof GIVEN - 1, 0400);
    ck_assert_int_eq(secret_key_load("", path, false, &s), DONE);
    ck_assert_str_eq(s.text, GIVEN);
}
END_TEST

START_TEST(unfit_files)
{
    char big[SECRET_KEY_MAX + 2];

    file_write("", 0, 0600);
    ck_assert_int_lt(secret_key_load("", path, true, &s), 0);
    file_write("short\n", 6, 0600);
    ck_assert_int_lt(secret_key_load("", path, true, &s), 0);
    file_write(GIVEN "\0tail", sizeof GIVEN + 4, 0600);
    ck_assert_int_lt(secret_key_load("", path, true, &s), 0);
    memset(big, 'x', sizeof big);
    file_write(big, SECRET_KEY_MAX, 0600);
    ck_assert_int_eq(secret_key_load("", path, true, &s), DONE);
    file_write(big, SECRET_KEY_MAX + 1, 0600);
    ck_assert_int_lt(secret_key_load("", path, true, &s), 0);
}
END_TEST

START_TEST(files_of_others)
{
    file_write(GIVEN, sizeof GIVEN - 1, 0640);
    ck_assert_int_lt(secret_key_load("", path, true, &s), 0);
    file_write(GIVEN, sizeof GIVEN - 1, 0604);
    ck_assert_int_lt(secret_key_load("", path, true, &s), 0);
    file_write(GIVEN, sizeof GIVEN - 1, 0600);
    ck_assert_int_eq(secret_key_load("", path, true, &s), DONE);
    ck_assert_int_lt(secret_key_load("", folder, true, &s), 0);
}
END_TEST

/* Whoever is first makes it; all have the same. */
START_TEST(made_by_many_at_once)
{
    enum { MANY = 8 };
    int out[2];
    char first[44] = "", one[44];

    ck_assert_int_eq(pipe(out), 0);
    for (int i = 0; i < MANY; i++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            int r = secret_key_load("", path, true, &s);
            _exit(r || write(out[1], s.text, 43) != 43);
        }
    }
    for (int i = 0, status; i < MANY; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(read(out[0], one, 43), 43);
        one[43] = '\0';
        if (i == 0)
            memcpy(first, one, sizeof first);
        ck_assert_str_eq(one, first);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("secret_key");

    tcase_add_checked_fixture(tests, folder_make, folder_remove);
    tcase_add_test(tests, given_wins);
    tcase_add_test(tests, nothing_set);
    tcase_add_test(tests, made_once);
    tcase_add_test(tests, not_made_when_keys_need_the_old_one);
    tcase_add_test(tests, folder_missing);
    tcase_add_test(tests, line_ends_are_not_part_of_it);
    tcase_add_test(tests, unfit_files);
    tcase_add_test(tests, files_of_others);
    tcase_add_test(tests, made_by_many_at_once);
    return check_run("secret_key", tests);
}
