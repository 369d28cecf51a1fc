/* Headers of tar archives. */
#include "filed/tar.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where fields are, and their bytes. */
enum {
    NAME = 0,
    MODE = 100,
    UID = 108,
    GID = 116,
    SIZE = 124,
    MTIME = 136,
    CHECKSUM = 148,
    TYPE = 156,
    MAGIC = 257,
};

/* Octal digits and a NUL. */
static void octal(char *to, int width, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%0*" PRIo64, width - 1, (uint64_t)value);
    memcpy(to, text, (size_t)width);
}

void tar_header(char ret[TAR_BLOCK], const char *name, int64_t size, int64_t mtime)
{
    unsigned sum = 0;

    assert(strlen(name) <= TAR_NAME_MAX && size >= 0 && size <= TAR_SIZE_MAX);
    memset(ret, 0, TAR_BLOCK);
    memcpy(ret + NAME, name, strlen(name));
    octal(ret + MODE, 8, 0600);
    octal(ret + UID, 8, 0);
    octal(ret + GID, 8, 0);
    octal(ret + SIZE, 12, size);
    octal(ret + MTIME, 12, mtime);
    memset(ret + CHECKSUM, ' ', 8);
    ret[TYPE] = '0';
    memcpy(ret + MAGIC, "ustar\00000", 8);
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += (unsigned char)ret[i];
    octal(ret + CHECKSUM, 7, sum); /* six digits, NUL, and the blank that is there */
}

int64_t tar_padding(int64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}
