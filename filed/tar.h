#pragma once
/* Headers of tar archives (POSIX.1-1988 ustar).  Pure. */
#include <stdint.h>

#define TAR_BLOCK    512
#define TAR_NAME_MAX 99                      /* bytes of a name */
#define TAR_SIZE_MAX (INT64_C(077777777777)) /* bytes of an entry: 8 GiB less one */

/* The header of a plain file, readable by its owner. */
void tar_header(char ret[TAR_BLOCK], const char *name, int64_t size, int64_t mtime);
/* Bytes of zeros behind a content of that size. */
int64_t tar_padding(int64_t size);
