#pragma once
/* Uploads and downloads: the course of a call of lane BULK. */
#include "proto/api.h"
#include "proto/envelope.h"

struct call;

/* Runs the handler; params are the request's, for the idempotency key.  The result is as any
 * other's, but behind call_stream() it only says whether the download is whole. */
int bulk_run(struct call *c, const struct handler *h, const void *in, const struct blob *params);
