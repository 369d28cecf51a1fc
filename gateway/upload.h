#pragma once
/* Uploads: a form with one file on its way to a daemon, never held as a whole. */
#include "gateway/exchange.h"

#define UPLOAD_MAX INT64_C(104857600) /* bytes of a file */

/* Whether the body, not yet read, may be such a form. */
int upload_media_check(struct exchange *x);

/* Step: reads the form, streams the file, and turns the daemon's answer into the reply. */
int upload_step(struct exchange *x);
