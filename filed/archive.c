/* Archives: a tar that is written entry by entry. */
#include "filed/archive.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "filed/store_state.h"
#include "filed/tar.h"
#include "proto/api.h"

#define NAME_SIZE  64
#define ROOM_EACH  (INT64_C(2) << 20) /* bytes after which room is looked for, and written back */
#define READ_PIECE 65536
#define END_BLOCKS (2 * TAR_BLOCK) /* zeros at the end */

struct archive {
    const struct store *store;
    int64_t id, try;
    int fd;
    int64_t size;   /* bytes so far */
    int64_t header; /* where the entry's header is, -1: none has begun */
    int64_t looked; /* size when room was last looked for */
    char name[TAR_NAME_MAX + 1];
    bool finished;
};

static void name_write(char ret[NAME_SIZE], int64_t id, int64_t try, bool whole)
{
    snprintf(ret, NAME_SIZE, "%" PRId64 "-%" PRId64 "%s", id, try, whole ? "" : ".part");
}

static int failed(const char *what)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return STORAGE_FULL;
    return FAULT("%s: %s", what, strerror(errno));
}

int archive_open(const struct store *s, int64_t id, int64_t try, struct archive **ret)
{
    cleanup(archive_drop) struct archive *a = NULL;
    char name[NAME_SIZE];
    int r = store_room(s, 0);

    if (r)
        return r;
    a = calloc(1, sizeof *a);
    if (!a)
        abort();
    *a = (struct archive){.store = s, .id = id, .try = try, .header = -1};
    name_write(name, id, try, false);
    a->fd = openat(s->exports_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0)
        return failed("archive");
    *ret = TAKE(a);
    return DONE;
}

void archive_drop(struct archive **ap)
{
    struct archive *a = TAKE(*ap);
    char name[NAME_SIZE];

    if (!a)
        return;
    fd_drop(&a->fd);
    name_write(name, a->id, a->try, false);
    if (!a->finished)
        unlinkat(a->store->exports_fd, name, 0);
    free(a);
}

static int write_at(struct archive *a, const void *data, size_t size, int64_t at)
{
    const char *p = data;

    while (size) {
        ssize_t n = pwrite(a->fd, p, size, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed("archive");
        p += n;
        at += n;
        size -= (size_t)n;
    }
    return DONE;
}

static int append(struct archive *a, const void *data, size_t size)
{
    int r = write_at(a, data, size, a->size);

    a->size += (int64_t)size;
    if (r || a->size - a->looked < ROOM_EACH)
        return r;
    /* little by little, so that no queue of it delays the database's commits */
    sync_file_range(a->fd, a->looked, a->size - a->looked,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                        SYNC_FILE_RANGE_WAIT_AFTER);
    a->looked = a->size;
    return store_room(a->store, 0);
}

int archive_begin(struct archive *a, const char *name)
{
    static const char blank[TAR_BLOCK];

    assert(a->header < 0);
    a->header = a->size;
    snprintf(a->name, sizeof a->name, "%s", name);
    return append(a, blank, sizeof blank); /* its size is not known yet */
}

int archive_add(struct archive *a, const void *data, size_t size)
{
    assert(a->header >= 0);
    if (a->size - a->header - TAR_BLOCK + (int64_t)size > TAR_SIZE_MAX)
        return TOO_LARGE;
    return append(a, data, size);
}

int archive_end(struct archive *a)
{
    static const char zeros[TAR_BLOCK];
    int64_t size = a->size - a->header - TAR_BLOCK;
    char header[TAR_BLOCK];
    int r;

    assert(a->header >= 0);
    tar_header(header, a->name, size, (int64_t)time(NULL));
    r = write_at(a, header, sizeof header, a->header);
    a->header = -1;
    return r ? r : append(a, zeros, (size_t)tar_padding(size));
}

int archive_undo(struct archive *a)
{
    assert(a->header >= 0);
    a->size = a->header;
    a->looked = a->looked < a->size ? a->looked : a->size;
    a->header = -1;
    return ftruncate(a->fd, a->size) ? failed("archive") : DONE;
}

static int digest(struct archive *a, char ret[SHA256_HEX])
{
    unsigned char sha256[DIGEST_SIZE];
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    char *piece = malloc(READ_PIECE);
    ssize_t n = 0;

    if (!sha || !piece || !EVP_DigestInit_ex(sha, EVP_sha256(), NULL))
        abort();
    for (int64_t at = 0; at < a->size && (n = pread(a->fd, piece, READ_PIECE, at)) > 0; at += n)
        EVP_DigestUpdate(sha, piece, (size_t)n);
    EVP_DigestFinal_ex(sha, sha256, NULL);
    EVP_MD_CTX_free(sha);
    free(piece);
    hex_encode(sha256, sizeof sha256, ret);
    return n > 0 ? DONE : FAULT("archive: %s", n ? strerror(errno) : "it is cut off");
}

int archive_finish(struct archive *a, int64_t *ret_bytes, char ret_sha256[SHA256_HEX])
{
    static const char zeros[END_BLOCKS];
    char part[NAME_SIZE], whole[NAME_SIZE];
    int r = append(a, zeros, sizeof zeros);

    if (!r)
        r = digest(a, ret_sha256);
    if (r)
        return r;
    name_write(part, a->id, a->try, false);
    name_write(whole, a->id, a->try, true);
    if (fsync(a->fd))
        return failed("archive");
    if (renameat(a->store->exports_fd, part, a->store->exports_fd, whole))
        return errno == ENOENT ? CONFLICT : failed("archive");
    a->finished = true;
    if (fsync(a->store->exports_fd))
        return failed("archive");
    *ret_bytes = a->size;
    return DONE;
}

int archive_read(const struct store *s, int64_t id, int64_t try, int *ret_fd)
{
    char name[NAME_SIZE];

    name_write(name, id, try, true);
    *ret_fd = openat(s->exports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*ret_fd >= 0)
        return DONE;
    return errno == ENOENT ? NOT_FOUND : FAULT("archive %s: %s", name, strerror(errno));
}

void archive_remove(const struct store *s, int64_t id, int64_t try)
{
    char name[NAME_SIZE];

    name_write(name, id, try, true);
    unlinkat(s->exports_fd, name, 0);
}

int archives_remove(const struct store *s, int64_t id)
{
    int fd = openat(s->exports_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    int64_t of, try;

    if (!dir) {
        fd_drop(&fd);
        return FAULT("exports: %s", strerror(errno));
    }
    while ((e = readdir(dir)))
        if (sscanf(e->d_name, "%" SCNd64 "-%" SCNd64, &of, &try) == 2 && of == id)
            unlinkat(s->exports_fd, e->d_name, 0);
    closedir(dir);
    return DONE;
}

void archives_sweep(const struct store *s, int (*stands)(void *state, int64_t id, int64_t try),
                    void *state)
{
    int fd = openat(s->exports_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), keep = 1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    if (!dir) {
        fd_drop(&fd);
        return;
    }
    while (keep >= 0 && (e = readdir(dir))) {
        int64_t id, try;
        if (sscanf(e->d_name, "%" SCNd64 "-%" SCNd64, &id, &try) != 2)
            continue;
        keep = stands(state, id, try);
        if (keep == 0)
            unlinkat(s->exports_fd, e->d_name, 0);
    }
    closedir(dir);
}
