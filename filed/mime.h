#pragma once
/* The type of a content by what is in it (libmagic), whatever its name says. */
#include <stddef.h>

#define MIME_MAX 96 /* with NUL */

struct mime;

/* Never NULL.  libmagic's table is read at the first use. */
struct mime *mime_new(void);
void mime_drop(struct mime **m);

/* The media type (RFC 6838) of a content that begins with `data`; "application/octet-stream" when
 * nothing better is known.  Any thread; one at a time. */
void mime_find(struct mime *m, const void *data, size_t size, char ret[MIME_MAX]);
