/* SECRET_KEY: read it, or make it. */
#include "authd/secret_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/fault.h"
#include "proto/api.h"

void secret_key_drop(struct secret_key *s)
{
    secret_wipe(s, sizeof *s);
}

/* Reads up to capacity bytes; returns how many, or -1. */
static ssize_t file_read(int fd, char *ret, size_t capacity)
{
    size_t size = 0;

    while (size < capacity) {
        ssize_t n = read(fd, ret + size, capacity - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    return (ssize_t)size;
}

static int text_take(const char *text, size_t size, const char *from, struct secret_key *ret)
{
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    if (size < SECRET_KEY_MIN || size > SECRET_KEY_MAX || memchr(text, '\0', size))
        return FAULT("%s must hold %d to %d characters", from, SECRET_KEY_MIN, SECRET_KEY_MAX);
    memcpy(ret->text, text, size);
    ret->text[size] = '\0';
    return DONE;
}

/* NOT_FOUND when there is no such file. */
static int file_load(const char *path, struct secret_key *ret)
{
    cleanup(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char text[SECRET_KEY_MAX + 3];
    struct stat st;
    ssize_t n;
    int r;

    if (fd < 0 && errno == ENOENT)
        return NOT_FOUND;
    if (fd < 0 || fstat(fd, &st))
        return FAULT("SECRET_KEY_FILE %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_mode & 077)
        return FAULT("SECRET_KEY_FILE %s must be a file that only its owner can use: chmod 600 it",
                     path);
    n = file_read(fd, text, sizeof text);
    if (n < 0)
        return FAULT("SECRET_KEY_FILE %s: %s", path, strerror(errno));
    r = text_take(text, (size_t)n, path, ret);
    secret_wipe(text, sizeof text);
    return r;
}

/* A new secret in a file of its own, flushed. */
static int draft_write(int fd)
{
    unsigned char bytes[DIGEST_SIZE];
    char line[DIGEST_SIZE * 4 / 3 + 4];
    size_t size;
    bool good;

    random_bytes(bytes, sizeof bytes);
    base64url_encode(bytes, sizeof bytes, line);
    size = strlen(line);
    line[size++] = '\n';
    good = write(fd, line, size) == (ssize_t)size && fsync(fd) == 0;
    secret_wipe(bytes, sizeof bytes);
    secret_wipe(line, sizeof line);
    return good ? DONE : FAULT("writing SECRET_KEY_FILE: %s", strerror(errno));
}

static int folder_flush(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    cleanup(fd_drop) int fd = -1;

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? DONE : FAULT("%s: %s", folder, strerror(errno));
}

/* Written whole under another name, then linked, which fails when somebody was faster: no reader
 * ever sees half of it. */
static int key_file_create(const char *path)
{
    char draft[PATH_MAX];
    cleanup(fd_drop) int fd = -1;
    int r;

    if ((size_t)snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= sizeof draft)
        return FAULT("SECRET_KEY_FILE: the path is too long");
    fd = mkostemp(draft, O_CLOEXEC); /* O_EXCL, mode 0600 */
    if (fd < 0)
        return FAULT("SECRET_KEY_FILE %s cannot be made: %s", path, strerror(errno));
    r = draft_write(fd);
    if (!r && link(draft, path) && errno != EEXIST)
        r = FAULT("SECRET_KEY_FILE %s cannot be made: %s", path, strerror(errno));
    unlink(draft);
    return r ? r : folder_flush(path);
}

int secret_key_load(const char *given, const char *path, bool may_create, struct secret_key *ret)
{
    int r;

    if (given[0])
        return text_take(given, strlen(given), "SECRET_KEY", ret);
    if (!path[0])
        return FAULT("set SECRET_KEY (at least %d characters), or SECRET_KEY_FILE to keep one in",
                     SECRET_KEY_MIN);
    r = file_load(path, ret);
    if (r != NOT_FOUND)
        return r;
    if (!may_create)
        return FAULT("SECRET_KEY_FILE %s is missing, and the stored signing keys need it: restore "
                     "it from the backup, or replace the keys with rotate-keys",
                     path);
    r = key_file_create(path);
    if (!r)
        r = file_load(path, ret);
    return r == NOT_FOUND ? FAULT("SECRET_KEY_FILE %s vanished", path) : r;
}
