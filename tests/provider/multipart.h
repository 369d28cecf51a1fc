#pragma once
/* multipart/form-data (RFC 7578) of a file upload, parsed as it arrives. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum { UPLOAD_KEEP = 65536 }; /* first bytes of the file that are kept */

enum upload_state { UPLOAD_DATA, UPLOAD_DELIMITER, UPLOAD_HEADERS, UPLOAD_END, UPLOAD_BROKEN };
enum upload_part { PART_OTHER, PART_PURPOSE, PART_FILE };

struct upload {
    enum upload_state state;
    enum upload_part part;
    char delimiter[80]; /* CRLF "--" boundary */
    size_t delimiter_length;
    struct buffer window; /* at most one read and one delimiter */
    char purpose[64];
    char filename[256];
    bool has_file;
    uint64_t bytes; /* of the file */
    struct buffer head;
};

/* From the request's content type.  One without a usable boundary gives UPLOAD_BROKEN. */
struct upload *upload_new(const char *content_type);
void upload_feed(struct upload *u, const char *bytes, size_t length);
void upload_drop(struct upload **u);
