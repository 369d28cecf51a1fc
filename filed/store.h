#pragma once
/*
 * The blob directory: DIR/<owner>/<first two of sha256>/<sha256>, and DIR/incoming/ for contents
 * that are still arriving (and DIR/exports/ for archives, see archive.h).  A content comes into its
 * place by rename, whole and flushed, or not at all.  Which contents exist is the database's to say
 * (table blob); this here moves bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

#define SHA256_HEX (2 * DIGEST_SIZE + 1) /* with NUL */

struct store;

/* Opens the directory and makes incoming/ and exports/ in it.  process: names what this process
 * writes there, so that others leave it alone.  min_free: bytes of the file system that stay free.
 * DONE, or logged: BAD_INPUT when the directory cannot be used, a fault when it cannot now. */
int store_open(const char *dir, const char *process, int64_t min_free, struct store **ret)
    __attribute__((warn_unused_result));
void store_drop(struct store **s);

/* DONE, or STORAGE_FULL when another `bytes` would leave less than min_free. */
int store_room(const struct store *s, int64_t bytes) __attribute__((warn_unused_result));

/* Opens a content for reading.  DONE, NOT_FOUND, or a fault. */
int store_read(const struct store *s, int64_t owner, const char *sha256, int *ret_fd)
    __attribute__((warn_unused_result));

/* Removes a content; DONE also when there is none.  The caller holds the blob's row. */
int store_remove(const struct store *s, int64_t owner, const char *sha256)
    __attribute__((warn_unused_result));

/* Removes what other processes left in incoming/ more than `old_s` seconds ago.  Returns how many.
 */
int store_incoming_clean(const struct store *s, int64_t old_s);

/* Removes all that an account has, also what any process has of it in incoming/: an upload that
 * goes on fails at its end.  DONE or a fault. */
int store_owner_remove(const struct store *s, int64_t owner) __attribute__((warn_unused_result));

/* A content that arrives. */
struct incoming;

/* DONE, STORAGE_FULL or a fault. */
int incoming_open(const struct store *s, int64_t owner, struct incoming **ret)
    __attribute__((warn_unused_result));
/* DONE, STORAGE_FULL or a fault. */
int incoming_write(struct incoming *i, const void *data, size_t size)
    __attribute__((warn_unused_result));
/* The end: flushes the content to disk.
 * DONE, STORAGE_FULL or a fault. */
int incoming_finish(struct incoming *i, const unsigned char sha256[DIGEST_SIZE])
    __attribute__((warn_unused_result));
/* Moves it into its place, which is made if need be, over the same content if that is there; again:
 * does nothing.  The caller holds the blob's row, and its project against erasure.  DONE,
 * STORAGE_FULL or a fault. */
int incoming_keep(struct incoming *i) __attribute__((warn_unused_result));
/* Removes what was not kept. */
void incoming_drop(struct incoming **i);

/* Hex, once it is finished. */
const char *incoming_sha256(const struct incoming *i);
int64_t incoming_bytes(const struct incoming *i);
/* Its first bytes, at most MIME_SAMPLE. */
const char *incoming_sample(const struct incoming *i, size_t *ret_size);
