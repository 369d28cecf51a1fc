#pragma once
/* Tells other daemons that what they remember of a project is old. */
#include <stdint.h>

struct call;

/* Publishes topic project once the transaction has committed. */
void project_changed(struct call *c, int64_t project_id);
