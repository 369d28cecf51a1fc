/* SQLite files of the platform before this one: whatever they hold, reading ends, what was checked
 * is read again as it was, and no row is more than it may be.  From a file as from memory. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "deploy/admin/seed_file.h"
#include "tests/fuzz/fuzz.h"

static int64_t rows_read(struct seed_file *f, const char **ret_why)
{
    struct seed_row row;
    int64_t rows = 0;

    for (int kind = 0; kind < SEED_KINDS; kind++) {
        *ret_why = seed_begin(f, (enum seed_kind)kind);
        while (!*ret_why && seed_next(f, &row, ret_why) > 0) {
            for (int i = 0; i < 2; i++)
                must(!row.text[i] || utf8_check(row.text[i], strlen(row.text[i])));
            rows++;
        }
        if (*ret_why)
            break;
    }
    return rows;
}

/* Opens the same as a file. */
static const char *file_open(const uint8_t *data, size_t size, struct seed_file **ret)
{
    cleanup(fd_drop) int fd = memfd_create("seed", MFD_CLOEXEC);
    char path[64];

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return seed_open(path, ret);
}

/* Reads all of it; whether that can be done. */
static bool whole(struct seed_file *f, const char *why)
{
    const char *name;
    int64_t rows, others;

    if (!why) {
        why = seed_check(f);
        if (!why) {
            rows = rows_read(f, &why);
            must(!why && rows_read(f, &why) == rows && !why);
        }
        for (int i = 0; i < 100 && seed_other(f, &name, &others); i++)
            must(others > 0 && utf8_check(name, strlen(name)));
    }
    must(!why || why[0]);
    return !why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seed_file *f = NULL;
    const char *why = seed_open_bytes(data, size, &f);
    bool opened = !why, read = whole(f, why);

    seed_close(&f);
    why = file_open(data, size, &f);
    must(!why == opened);
    must(whole(f, why) == read);
    seed_close(&f);
    must(seed_open("/", &f) != NULL);
    seed_close(&f);
    return 0;
}
