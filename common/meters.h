#pragma once
/*
 * What a daemon counts, as GET /metrics shows it: the gateway asks every instance (operation
 * <service>_meters, answered on the bus thread, so also while the database is away).
 *
 * A daemon lists its meters in a table of its own, meters.def, which its meters.h makes into
 *      enum { METERS_BEGIN = RUNTIME_METERS - 1,
 *      #define METER(name, ...) M_##name,
 *      #include "<daemon>/meters.def"
 *      };
 * and its main.c into a const struct meter[] for struct service.  Then, on any thread,
 *      meter_add(daemon_meters(daemon), M_turns_total, "completed", 1);
 */
#include <stdint.h>

#include "proto/api.h"

struct text;

enum meter_type {
    METER_COUNTER,   /* only grows; the name ends with _total */
    METER_GAUGE,     /* what is now */
    METER_HISTOGRAM, /* how what was observed is spread over fixed bounds */
};

#define METER_CELLS_MAX 32 /* values of a label, or bounds of a histogram */

struct meter {
    const char *name; /* shown as chatbot_<service>_<name>; NULL ends a table */
    enum meter_type type;
    const char *label;  /* name of the one label that it has; NULL: none */
    const char *values; /* of that label, "one|other"; of a histogram its upper bounds, "0.1|1" */
    const char *text;
};

/* A row of a table from its columns in a .def file. */
#define METER_ROW(name, type, label, values, text) {#name, METER_##type, label, values, text},

/* The runtime's own come first. */
enum {
#define METER(name, ...) RM_##name,
#include "common/meters.def"
    RUNTIME_METERS
};

struct meters;

/* All at zero.  own: the daemon's table, or NULL; the strings must stay. */
struct meters *meters_new(const char *service, const char *instance, const struct meter *own);
void meters_drop(struct meters **m);

/* `value` is one of the label's, NULL where there is none.  Any thread; m NULL: nothing. */
void meter_add(struct meters *m, int meter, const char *value, int64_t n);
void meter_set(struct meters *m, int meter, const char *value, int64_t now);
/* millionths: in millionths of the meter's unit, so microseconds for _seconds. */
void meter_observe(struct meters *m, int meter, int64_t millionths);

/* Appends all of them in Prometheus' text format 0.0.4, with the label instance. */
void meters_write(struct meters *m, struct text *to);

/* The handler of <service>_meters, in every daemon. */
op_fn meters_answer; /* NOLINT(readability-redundant-declaration): proto sees no layer above */
