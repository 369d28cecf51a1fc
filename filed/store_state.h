#pragma once
/* Inside of the blob directory: what store.c and incoming.c share. */
#include "filed/store.h"

#define STORE_PATH_MAX (20 + 1 + 2 + 1 + SHA256_HEX)

struct store {
    int fd, incoming_fd, exports_fd;
    int64_t min_free;
    char process[17];
};

/* Path of a content below the blob directory. */
void store_path(int64_t owner, const char *sha256, char ret[STORE_PATH_MAX]);
