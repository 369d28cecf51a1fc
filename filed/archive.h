#pragma once
/*
 * Archives that are made: a tar in DIR/exports/, "ID-TRY.part" until it is whole, then "ID-TRY".
 * All results besides those named: DONE, STORAGE_FULL, TOO_LARGE, or a fault.
 */
#include <stddef.h>
#include <stdint.h>

#include "filed/store.h"

struct archive;

int archive_open(const struct store *s, int64_t id, int64_t try, struct archive **ret)
    __attribute__((warn_unused_result));
/* Removes it unless it was finished.  Accepts NULL. */
void archive_drop(struct archive **a);

/* An entry: begin, add as often as one likes, then end; or undo, as if it had not begun. */
int archive_begin(struct archive *a, const char *name) __attribute__((warn_unused_result));
int archive_add(struct archive *a, const void *data, size_t size)
    __attribute__((warn_unused_result));
int archive_end(struct archive *a) __attribute__((warn_unused_result));
int archive_undo(struct archive *a) __attribute__((warn_unused_result));

/* All entries are there: closes it, flushes it to disk, and gives it its name.  CONFLICT: it was
 * swept away, as no row wants it any more. */
int archive_finish(struct archive *a, int64_t *ret_bytes, char ret_sha256[SHA256_HEX])
    __attribute__((warn_unused_result));

/* Opens a finished one for reading.  DONE, NOT_FOUND, or a fault. */
int archive_read(const struct store *s, int64_t id, int64_t try, int *ret_fd)
    __attribute__((warn_unused_result));
/* Removes all archives of an export, also one that is being written: that fails at its end.  DONE
 * or a fault. */
int archives_remove(const struct store *s, int64_t id) __attribute__((warn_unused_result));
/* Removes a finished one; one that is being made is its maker's to drop. */
void archive_remove(const struct store *s, int64_t id, int64_t try);

/* Calls stands for every archive that lies in the directory, finished or not, and removes it when
 * that says false (1: keep, 0: remove, below 0: stop). */
void archives_sweep(const struct store *s, int (*stands)(void *state, int64_t id, int64_t try),
                    void *state);
