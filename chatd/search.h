#pragma once
/* What GET /search finds. */
#include <stdint.h>

struct call;

/* A periodic task: reads what turns left to be read into the index. */
int search_fill(struct call *c);

/* A conversation has another title, in this transaction. */
int search_title(struct call *c, int64_t conversation) __attribute__((warn_unused_result));
