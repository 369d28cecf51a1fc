#pragma once
/* Tells other daemons that what they remember of a project is old. */
#include <stdint.h>

struct call;

/* Topic project tells of it when the transaction has committed, before the reply: whoever has the
 * reply finds no old answer behind the same gateway. */
void project_changed(struct call *c, int64_t project_id);
