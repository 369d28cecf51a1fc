#pragma once
/* Downloads: bytes of a daemon on their way to a client. */
#include "gateway/exchange.h"

struct text;

/* Step: asks the daemon, makes the headers of what it says, and passes the bytes on. */
int download_step(struct exchange *x);

/* Appends a Content-Disposition for that name (UTF-8): attachment, with filename for old clients
 * and filename* (RFC 6266, 8187). */
void disposition_write(struct text *to, const char *filename);
