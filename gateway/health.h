#pragma once
/* Whether the platform can do its work, as the broker sees it. */
#include "common/text.h"

struct broker;

/* Appends the health object; looks at the broker at most every 100 ms.  Returns the HTTP status:
 * 200, or 503 when anything but the files is down. */
int health_write(struct broker *b, struct text *to);
