/* The blob directory: paths, reading, removing, room. */
#include "filed/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "common/log.h"
#include "filed/store_state.h"
#include "proto/api.h"

/* A directory of the store, made if there is none; -1: errno. */
static int below_open(int fd, const char *name)
{
    if (fd < 0 || (mkdirat(fd, name, 0700) && errno != EEXIST))
        return -1;
    return openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int store_open(const char *dir, const char *process, int64_t min_free, struct store **ret)
{
    struct store *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    *ret = s;
    s->min_free = min_free;
    s->incoming_fd = s->exports_fd = -1;
    snprintf(s->process, sizeof s->process, "%s", process);
    s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->incoming_fd = below_open(s->fd, "incoming");
    s->exports_fd = below_open(s->fd, "exports");
    if (s->incoming_fd < 0 || s->exports_fd < 0 || faccessat(s->fd, ".", W_OK | X_OK, AT_EACCESS)) {
        int error = errno, r = FAULT("BLOB_DIR %s: %s", dir, strerror(error));
        store_drop(ret);
        return fault_may_pass(error) ? r : BAD_INPUT;
    }
    return DONE;
}

void store_drop(struct store **s)
{
    if (!*s)
        return;
    fd_drop(&(*s)->exports_fd);
    fd_drop(&(*s)->incoming_fd);
    fd_drop(&(*s)->fd);
    free(*s);
    *s = NULL;
}

int store_room(const struct store *s, int64_t bytes)
{
    struct statvfs v;

    if (fstatvfs(s->fd, &v))
        return FAULT("statvfs: %s", strerror(errno));
    return (int64_t)(v.f_bavail * v.f_frsize) - bytes < s->min_free ? STORAGE_FULL : DONE;
}

void store_path(int64_t owner, const char *sha256, char ret[STORE_PATH_MAX])
{
    snprintf(ret, STORE_PATH_MAX, "%" PRId64 "/%.2s/%s", owner, sha256, sha256);
}

int store_read(const struct store *s, int64_t owner, const char *sha256, int *ret_fd)
{
    char path[STORE_PATH_MAX];

    store_path(owner, sha256, path);
    *ret_fd = openat(s->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*ret_fd >= 0)
        return DONE;
    return errno == ENOENT ? NOT_FOUND
                           : FAULT("content of %" PRId64 ": %s", owner, strerror(errno));
}

int store_remove(const struct store *s, int64_t owner, const char *sha256)
{
    char path[STORE_PATH_MAX];

    store_path(owner, sha256, path);
    if (unlinkat(s->fd, path, 0) == 0 || errno == ENOENT)
        return DONE;
    return FAULT("content of %" PRId64 ": %s", owner, strerror(errno));
}

static bool is_mine(const struct store *s, const char *name)
{
    size_t n = strlen(s->process);

    return strncmp(name, s->process, n) == 0 && name[n] == '-';
}

int store_incoming_clean(const struct store *s, int64_t old_s)
{
    int fd = openat(s->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), removed = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    if (!dir) {
        fd_drop(&fd);
        return 0;
    }
    while ((e = readdir(dir))) {
        struct stat st;
        if (e->d_name[0] == '.' || is_mine(s, e->d_name) ||
            fstatat(s->incoming_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            time(NULL) - st.st_mtime < old_s)
            continue;
        removed += unlinkat(s->incoming_fd, e->d_name, 0) == 0;
    }
    closedir(dir);
    return removed;
}

/* Opens a directory of the store for reading; NULL: errno. */
static DIR *directory_open(int fd, const char *name)
{
    int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = below < 0 ? NULL : fdopendir(below);

    if (!dir)
        fd_drop(&below);
    return dir;
}

/* What is in the directory, and the directory; deeper ones down to `levels`. */
static int directory_remove(int fd, const char *name, int levels)
{
    DIR *dir = directory_open(fd, name);
    struct dirent *e;
    int r = 0;

    if (!dir)
        return errno == ENOENT ? 0 : -1;
    while (!r && (e = readdir(dir))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        r = levels ? directory_remove(dirfd(dir), e->d_name, levels - 1)
                   : unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    return r ? r : unlinkat(fd, name, AT_REMOVEDIR);
}

/* What incoming.c named for an account. */
static void incoming_forget(const struct store *s, int64_t owner)
{
    DIR *dir = directory_open(s->incoming_fd, ".");
    struct dirent *e;
    char mark[32];

    snprintf(mark, sizeof mark, "-%" PRId64 "-", owner);
    while (dir && (e = readdir(dir))) {
        const char *at = strchr(e->d_name, '-');
        if (at && strncmp(at, mark, strlen(mark)) == 0)
            unlinkat(s->incoming_fd, e->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

int store_owner_remove(const struct store *s, int64_t owner)
{
    char name[24];

    incoming_forget(s, owner);
    snprintf(name, sizeof name, "%" PRId64, owner);
    if (directory_remove(s->fd, name, 1) && errno != ENOENT)
        return FAULT("contents of %s: %s", name, strerror(errno));
    return DONE;
}
