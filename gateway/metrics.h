#pragma once
/* Counters of this gateway, in Prometheus' text format 0.0.4. */
#include <stdint.h>

struct gateway;
struct metrics;
struct op;
struct text;

struct metrics *metrics_new(void);
void metrics_drop(struct metrics **m);

/* One request was answered; op NULL: it led to no operation. */
void metrics_count(struct metrics *m, const struct op *op, int http, int64_t usec);

/* Appends the whole document. */
void metrics_write(struct gateway *g, struct text *to);
