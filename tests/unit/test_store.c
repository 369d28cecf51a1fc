/* The blob directory and types of contents. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "filed/mime.h"
#include "filed/store.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define OWNER 7

static char dir[] = "/tmp/chatbot-store-XXXXXX";
static struct store *store;

static void begin(void)
{
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(store_open(dir, "me", 0, &store), DONE);
}

static void end(void)
{
    char command[80];

    store_drop(&store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* ---- calls of the file system that fail on demand ---- */

enum { OPENAT, WRITE, MKDIRAT, FSYNC, RENAMEAT, CALLS };
static int failing = -1, failing_errno, failing_after; /* so many of that call are still done */

static bool fails(int call)
{
    if (call != failing || failing_after-- > 0)
        return false;
    errno = failing_errno;
    return true;
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return fails(OPENAT) ? -1 : (int)syscall(SYS_openat, fd, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return fd > 2 && fails(WRITE) ? -1 : syscall(SYS_write, fd, data, size);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    return fails(MKDIRAT) ? -1 : (int)syscall(SYS_mkdirat, fd, path, mode);
}

int fsync(int fd)
{
    return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return fails(RENAMEAT) ? -1 : (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

/* Entries of a directory below the store, or -1. */
static int entries(const char *below)
{
    char path[256];
    struct dirent *e;
    DIR *d;
    int n = 0;

    snprintf(path, sizeof path, "%s/%s", dir, below);
    d = opendir(path);
    if (!d)
        return -1;
    while ((e = readdir(d)))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static struct incoming *incoming_of(const char *text, size_t pieces)
{
    unsigned char sha256[DIGEST_SIZE];
    struct incoming *i = NULL;
    size_t n = strlen(text);

    ck_assert_int_eq(incoming_open(store, OWNER, &i), DONE);
    for (size_t at = 0; at < n; at += (n + pieces - 1) / pieces) {
        size_t size = (n + pieces - 1) / pieces;
        ck_assert_int_eq(incoming_write(i, text + at, size < n - at ? size : n - at), DONE);
    }
    digest_sha256(text, n, sha256);
    ck_assert_int_eq(incoming_finish(i, sha256), DONE);
    ck_assert_int_eq(incoming_bytes(i), (int64_t)n);
    return i;
}

START_TEST(a_content_is_kept_and_read)
{
    cleanup(incoming_drop) struct incoming *i = incoming_of("hello world", 3);
    cleanup(fd_drop) int fd = -1;
    char sha256[SHA256_HEX], text[32];

    memcpy(sha256, incoming_sha256(i), sizeof sha256);
    ck_assert_int_eq(store_read(store, OWNER, sha256, &fd), NOT_FOUND);
    ck_assert_int_eq(incoming_keep(i), DONE);
    ck_assert_int_eq(incoming_keep(i), DONE);
    ck_assert_int_eq(entries("incoming"), 0);
    ck_assert_int_eq(store_read(store, OWNER, sha256, &fd), DONE);
    ck_assert_int_eq(read(fd, text, sizeof text), 11);
    ck_assert_int_eq(memcmp(text, "hello world", 11), 0);
    fd_drop(&fd);
    ck_assert_int_eq(store_read(store, OWNER + 1, sha256, &fd), NOT_FOUND);
    ck_assert_int_eq(store_remove(store, OWNER, sha256), DONE);
    ck_assert_int_eq(store_remove(store, OWNER, sha256), DONE);
    ck_assert_int_eq(store_read(store, OWNER, sha256, &fd), NOT_FOUND);
}
END_TEST

START_TEST(the_same_content_twice_is_one)
{
    cleanup(incoming_drop) struct incoming *a = incoming_of("same", 1), *b = incoming_of("same", 2);
    char path[64];

    ck_assert_int_eq(incoming_keep(a), DONE);
    ck_assert_int_eq(incoming_keep(b), DONE);
    snprintf(path, sizeof path, "%d/%.2s", OWNER, incoming_sha256(a));
    ck_assert_int_eq(entries(path), 1);
    ck_assert_int_eq(entries("incoming"), 0);
}
END_TEST

START_TEST(what_is_not_kept_leaves_nothing)
{
    struct incoming *i = incoming_of("gone", 1);

    ck_assert_int_eq(entries("incoming"), 1);
    incoming_drop(&i);
    ck_assert_ptr_null(i);
    ck_assert_int_eq(entries("incoming"), 0);
    incoming_drop(&i);
}
END_TEST

START_TEST(only_old_contents_of_others_are_cleaned)
{
    struct store *other = NULL;
    struct incoming *theirs = NULL, *mine = NULL;
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 5000}, {.tv_sec = time(NULL) - 5000}};
    char path[320];
    DIR *d;
    struct dirent *e;

    ck_assert_int_eq(store_open(dir, "other", 0, &other), DONE);
    ck_assert_int_eq(incoming_open(other, OWNER, &theirs), DONE);
    ck_assert_int_eq(incoming_open(store, OWNER, &mine), DONE);
    ck_assert_int_eq(store_incoming_clean(store, 3600), 0);
    snprintf(path, sizeof path, "%s/incoming", dir);
    d = opendir(path);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            ck_assert_int_eq(utimensat(dirfd(d), e->d_name, old, 0), 0);
    closedir(d);
    ck_assert_int_eq(store_incoming_clean(store, 3600), 1);
    ck_assert_int_eq(entries("incoming"), 1);
    incoming_drop(&theirs);
    incoming_drop(&mine);
    ck_assert_int_eq(entries("incoming"), 0);
    store_drop(&other);
}
END_TEST

START_TEST(without_room_nothing_comes_in)
{
    struct store *full = NULL;
    struct incoming *i = NULL;

    ck_assert_int_eq(store_open(dir, "full", INT64_MAX, &full), DONE);
    ck_assert_int_eq(store_room(full, 0), STORAGE_FULL);
    ck_assert_int_eq(incoming_open(full, OWNER, &i), STORAGE_FULL);
    ck_assert_ptr_null(i);
    store_drop(&full);
    ck_assert_int_eq(store_room(store, 1), DONE);
}
END_TEST

static int arrive(struct incoming **ret)
{
    unsigned char sha256[DIGEST_SIZE];
    int r = incoming_open(store, OWNER, ret);

    digest_sha256("hello", 5, sha256);
    if (!r)
        r = incoming_write(*ret, "hel", 3);
    if (!r)
        r = incoming_write(*ret, "lo", 2);
    if (!r)
        r = incoming_finish(*ret, sha256);
    return r ? r : incoming_keep(*ret);
}

/* Each call fails once, at each of its turns: it is said, and nothing is left half done. */
START_TEST(a_full_disk_leaves_nothing)
{
    static const struct {
        int error;
        bool full;
    } errors[] = {{ENOSPC, true}, {EDQUOT, true}, {EIO, false}};
    int failed = 0;

    log_limit((enum log_level)0);
    for (int n = 0; n < 3 * CALLS * 4; n++) {
        struct incoming *i = NULL;
        int r;
        failing = n / 3 % CALLS;
        failing_errno = errors[n % 3].error;
        failing_after = n / 3 / CALLS;
        r = arrive(&i);
        failing = -1;
        incoming_drop(&i);
        ck_assert_int_eq(entries("incoming"), 0);
        failed += r != DONE;
        if (r)
            ck_assert_msg(errors[n % 3].full ? r == STORAGE_FULL : r < 0, "%d: %d", n, r);
        r = arrive(&i);
        ck_assert_int_eq(r, DONE);
        incoming_drop(&i);
        end();
        begin();
    }
    ck_assert_int_ge(failed, 3 * (2 + 2 + 2 + 4 + 1)); /* calls that one upload makes */
}
END_TEST

START_TEST(a_wrong_directory_is_a_wrong_setting)
{
    struct store *s = NULL;

    ck_assert_int_eq(store_open("/nonexistent/blobs", "me", 0, &s), BAD_INPUT);
    ck_assert_ptr_null(s);
}
END_TEST

START_TEST(no_descriptor_is_no_wrong_setting)
{
    struct rlimit before, now;
    struct store *s = NULL;
    int r;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &now), 0);
    r = store_open(dir, "me", 0, &s);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_lt(r, 0);
    ck_assert_ptr_null(s);
}
END_TEST

START_TEST(types_are_what_is_inside)
{
    cleanup(mime_drop) struct mime *m = mime_new();
    char type[MIME_MAX];

    mime_find(m, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 15, type);
    ck_assert_str_eq(type, "application/pdf");
    mime_find(m, "hello world\n", 12, type);
    ck_assert_str_eq(type, "text/plain");
    mime_find(m, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0", 29, type);
    ck_assert_str_eq(type, "image/png");
    mime_find(m, "\0\1\2\3\4\xff\xfe\xfd", 8, type);
    ck_assert_str_eq(type, "application/octet-stream");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("store");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_content_is_kept_and_read);
    tcase_add_test(t, the_same_content_twice_is_one);
    tcase_add_test(t, what_is_not_kept_leaves_nothing);
    tcase_add_test(t, only_old_contents_of_others_are_cleaned);
    tcase_add_test(t, without_room_nothing_comes_in);
    tcase_add_test(t, a_full_disk_leaves_nothing);
    tcase_add_test(t, a_wrong_directory_is_a_wrong_setting);
    tcase_add_test(t, no_descriptor_is_no_wrong_setting);
    tcase_add_test(t, types_are_what_is_inside);
    return check_run("store", t);
}
