#pragma once
/* Token counts: bytes / 4 rounded up, unless the behaviour says otherwise. */
#include "question.h"

struct buffer;
struct call;

/* The usage object in the API's words, or null. */
void usage_write(struct buffer *out, const struct call *call, enum question_api api);
