#pragma once
/* What the daemons count, for GET /metrics. */
#include "gateway/exchange.h"

/*
 * Asks every instance of every service and appends what they tell, each metric's samples together;
 * those that do not answer within METERS_WAIT_MS are left out.
 */
void meters_gather(struct exchange *x, struct text *to);

/*
 * Appends texts in Prometheus' format with the samples of a metric that is in several of them
 * below one head.  Each text is a sequence of "# HELP", "# TYPE", and samples.
 */
void meters_merge(const struct text *texts, unsigned count, struct text *to);
