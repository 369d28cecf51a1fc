#pragma once
/* The script: model names, what they do, and how often they were called. */
#include <stdbool.h>
#include <stddef.h>

#include "behaviour.h"

struct buffer;

/* Replaces the script by a JSON text.  False, with a reason, leaves the old one. */
bool script_load(const char *json, size_t length, char reterr_why[BEHAVIOUR_WHY]);

/* What this call of the model does; counts it.  Valid until the script changes or the next call. */
const struct behaviour *script_next(const char *model);

/* True when the name means something. */
bool script_knows(const char *model);

/* True when the script itself has the name. */
bool script_has(const char *name);

/* Calls `each` with every name worth listing. */
void script_names(void (*each)(const char *name, void *context), void *context);

/* Forgets the counts; with `all` the script too. */
void script_reset(bool all);
