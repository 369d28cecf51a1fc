#pragma once
/*
 * A form with one file (multipart/form-data, RFC 7578 and 2046), read through a window of fixed
 * size.  Pure: it is given bytes and says what they are.
 */
#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_WINDOW   8192 /* bytes; a part's head must fit into it */
#define MULTIPART_BOUNDARY 70   /* bytes of a boundary, RFC 2046 */
#define MULTIPART_FILENAME 255  /* bytes of a file name */

enum multipart_got {
    MULTIPART_MORE, /* needs more bytes: multipart_room(), then multipart_filled() or _ended() */
    MULTIPART_FILE, /* the file begins; filename is set */
    MULTIPART_DATA, /* bytes of the file */
    MULTIPART_END,  /* the form is whole, and nothing comes any more */
    MULTIPART_BAD,  /* it is no such form: status, field and why say more */
};

enum multipart_state {
    MULTIPART_PREAMBLE,
    MULTIPART_HEAD,
    MULTIPART_BODY,
    MULTIPART_EPILOGUE,
    MULTIPART_FAILED,
};

struct multipart {
    enum multipart_state state;
    char delimiter[MULTIPART_BOUNDARY + 5]; /* CRLF--boundary */
    size_t delimiter_size;
    char window[MULTIPART_WINDOW];
    size_t begin, end; /* bytes in it that are not taken yet */
    bool ended;        /* no more come */
    bool has_file;
    char filename[MULTIPART_FILENAME + 1]; /* UTF-8 without control characters */
    /* of MULTIPART_BAD */
    int status;
    char field[64]; /* "": none */
    const char *why;
};

/* Begins with the request's Content-Type (may be NULL).  DONE; UNSUPPORTED_TYPE: another type;
 * BAD_REQUEST: no boundary, or one that RFC 2046 does not allow. */
int multipart_init(struct multipart *m, const char *content_type)
    __attribute__((warn_unused_result));

/* Room for more bytes, at least one after MULTIPART_MORE; then how many were put there; or that
 * there are no more. */
char *multipart_room(struct multipart *m, size_t *ret_size);
void multipart_filled(struct multipart *m, size_t n);
void multipart_ended(struct multipart *m);

/* What comes next.  ret, ret_size: the bytes of MULTIPART_DATA, at least one, within the window
 * until the next call. */
enum multipart_got multipart_next(struct multipart *m, const char **ret, size_t *ret_size);
