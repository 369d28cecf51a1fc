/* A content that arrives: written, flushed, moved into its place. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "filed/limits.h"
#include "filed/store_state.h"
#include "proto/api.h"

#define PIECE (INT64_C(2) << 20) /* written back, and room looked for, each time so much came */

struct incoming {
    const struct store *store;
    int fd;
    int64_t owner, bytes;
    int64_t piece_at, before_at; /* where the newest piece begins, and the one before it */
    bool kept;
    char name[72], sha256[SHA256_HEX];
    char sample[MIME_SAMPLE];
};

/* What an errno of the file system means. */
static int failed(const char *what)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return STORAGE_FULL;
    return FAULT("%s: %s", what, strerror(errno));
}

int incoming_open(const struct store *s, int64_t owner, struct incoming **ret)
{
    static atomic_uint_fast64_t number;
    cleanup(incoming_drop) struct incoming *i = NULL;
    int r = store_room(s, 0);

    if (r)
        return r;
    i = calloc(1, sizeof *i);
    if (!i)
        abort();
    i->store = s;
    i->owner = owner;
    snprintf(i->name, sizeof i->name, "%s-%" PRId64 "-%" PRIu64, s->process, owner,
             (uint64_t)atomic_fetch_add(&number, 1));
    i->fd = openat(s->incoming_fd, i->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (i->fd < 0)
        return failed("incoming");
    *ret = TAKE(i);
    return DONE;
}

/*
 * So that a full disk is met early, the flush at the end finds little to do, and no more than two
 * pieces of an upload wait for the disk: a queue of them would delay every commit of the database.
 */
static int piece_end(struct incoming *i)
{
    const unsigned wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int r = store_room(i->store, 0);

    if (r)
        return r;
    sync_file_range(i->fd, i->piece_at, i->bytes - i->piece_at, SYNC_FILE_RANGE_WRITE);
    /* an error that is told here is not told again by the flush at the end */
    if (i->before_at < i->piece_at &&
        sync_file_range(i->fd, i->before_at, i->piece_at - i->before_at, wait) &&
        (errno == EIO || errno == ENOSPC || errno == EDQUOT))
        return failed("incoming");
    i->before_at = i->piece_at;
    i->piece_at = i->bytes;
    return DONE;
}

int incoming_write(struct incoming *i, const void *data, size_t size)
{
    const char *p = data;
    size_t left = size;

    if (i->bytes < MIME_SAMPLE) {
        size_t room = (size_t)(MIME_SAMPLE - i->bytes);
        memcpy(i->sample + i->bytes, data, size < room ? size : room);
    }
    while (left) {
        ssize_t n = write(i->fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed("incoming");
        p += n;
        left -= (size_t)n;
    }
    i->bytes += (int64_t)size;
    return i->bytes - i->piece_at < PIECE ? DONE : piece_end(i);
}

/* Makes a directory below the store if there is none, and flushes its parent. */
static int directory_make(const struct store *s, const char *parent, const char *path)
{
    cleanup(fd_drop) int fd = -1;

    if (mkdirat(s->fd, path, 0700))
        return errno == EEXIST ? DONE : failed("blob directory");
    fd = openat(s->fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) ? failed("blob directory") : DONE;
}

static int directories_make(const struct incoming *i)
{
    char owner[24], path[32];
    int r;

    snprintf(owner, sizeof owner, "%" PRId64, i->owner);
    snprintf(path, sizeof path, "%s/%.2s", owner, i->sha256);
    r = directory_make(i->store, ".", owner);
    return r ? r : directory_make(i->store, owner, path);
}

int incoming_finish(struct incoming *i, const unsigned char sha256[DIGEST_SIZE])
{
    hex_encode(sha256, DIGEST_SIZE, i->sha256);
    if (fsync(i->fd))
        return failed("incoming");
    fd_drop(&i->fd);
    return DONE;
}

int incoming_keep(struct incoming *i)
{
    cleanup(fd_drop) int fd = -1;
    char path[STORE_PATH_MAX], directory[32];

    assert(i->owner);
    if (i->kept)
        return DONE;
    store_path(i->owner, i->sha256, path);
    snprintf(directory, sizeof directory, "%" PRId64 "/%.2s", i->owner, i->sha256);
    fd = openat(i->store->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) { /* not before: an erasure may have been here meanwhile */
        int r = directories_make(i);
        if (r)
            return r;
        fd = openat(i->store->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0 || renameat(i->store->incoming_fd, i->name, i->store->fd, path))
        return failed("content");
    i->kept = true;
    return fsync(fd) ? failed("content") : DONE;
}

void incoming_drop(struct incoming **in)
{
    struct incoming *i = TAKE(*in);

    if (!i)
        return;
    fd_drop(&i->fd);
    if (!i->kept)
        unlinkat(i->store->incoming_fd, i->name, 0);
    free(i);
}

int64_t incoming_bytes(const struct incoming *i)
{
    return i->bytes;
}

const char *incoming_sample(const struct incoming *i, size_t *ret_size)
{
    *ret_size = i->bytes < MIME_SAMPLE ? (size_t)i->bytes : MIME_SAMPLE;
    return i->sample;
}

const char *incoming_sha256(const struct incoming *i)
{
    return i->sha256;
}
