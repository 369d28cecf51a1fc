#pragma once
/* What embed.cmake makes of the files in gateway/ui. */

struct ui_blob {
    const char *name; /* "js/main.js"; NULL ends the list */
    const char *hash; /* of the content, hex */
    const char *data, *end;
    const char *packed, *packed_end; /* the same by gzip; the same bytes where that is no use */
};

extern const struct ui_blob ui_blobs[];
extern const char ui_version[]; /* of all files but the pages, 16 hex digits */
