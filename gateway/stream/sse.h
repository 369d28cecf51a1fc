#pragma once
/* Server-sent events as they are written (WHATWG HTML, section 9.2). */
#include <stddef.h>
#include <stdint.h>

struct text;

#define SSE_NO_ID UINT64_MAX

/* One event; data may hold line breaks, name must not. */
void sse_event(struct text *out, const char *name, uint64_t id, const char *data, size_t size);

/* A comment, which readers skip: the heartbeat. */
void sse_comment(struct text *out);

/* How long a reader whose connection broke waits before it comes back. */
void sse_retry(struct text *out, unsigned ms);
