#pragma once
/* API keys that reach one project only. */
#include "gateway/exchange.h"

/*
 * Step: with such a key, lets pass what names that project, or something in it; the rest is
 * NOT_FOUND, as it is for strangers.  What belongs to no project is FORBIDDEN, and so is, until it
 * is listed in key_project.c, every operation whose object this step does not know.
 */
int key_project_step(struct exchange *x);
