#pragma once
#include <stdint.h>

struct call;

/* Whether the caller may use a project, as projectd says.  DONE, NOT_FOUND, UNAVAILABLE or
 * TOO_LATE.  Never inside a transaction. */
int project_access(struct call *c, int64_t project_id) __attribute__((warn_unused_result));
