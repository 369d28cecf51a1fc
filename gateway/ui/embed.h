#pragma once
/* What embed.cmake makes of the files in gateway/ui. */
#include <stddef.h>

struct ui_blob {
    const char *name; /* NULL ends the list */
    const unsigned char *data;
    size_t size;
};

extern const struct ui_blob ui_blobs[];
