#pragma once
/*
 * What this process did, for a collector of traces (OTLP/JSON): each span is written into a bounded
 * buffer, which a thread hands to traced over a socket of this host.  Nobody ever waits: what does
 * not fit is dropped and counted.  The process needs no network for it; traced alone calls out.
 *
 * Everything here does nothing until spans_start(), or without a collector.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/trace.h"

struct conf;
struct meters;

#define SPANS_BUFFER_MAX 98304  /* bytes of spans that wait for the thread */
#define SPANS_DATA_MAX   131072 /* bytes of what traced is handed at once */

enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 }; /* as OTLP numbers them */

struct span {
    const char *name;
    enum span_kind kind;
    const struct trace *trace; /* whose it is, its span is this one's id */
    const char *parent;        /* span that asked for it, "": none */
    int64_t begun_us;          /* clock_us() */
    bool failed;
};

/* An attribute; text NULL: the number. */
struct span_fact {
    const char *name, *text;
    int64_t number;
};

/* Begins, if the settings name a collector.  meters: where drops are counted, too, or NULL; service
 * and instance are copied. */
void spans_start(const struct conf *conf, const char *service, const char *instance,
                 struct meters *meters);
/* Hands over what is left, if traced takes it at once, and ends the thread. */
void spans_stop(void);

/* Whether spans are wanted. */
bool spans_on(void);

/* The span ends now.  Facts without text and with number -1 are left out. */
void span_end(const struct span *s, const struct span_fact *facts, size_t count);

/* A call to somebody outside, who may go on with the trace. */
struct span_call {
    struct trace trace; /* its span is the call's */
    char parent[SPAN_ID_SIZE];
    bool sampled;
    int64_t begun_us;
};

/* It begins now.  asks: the request that makes it, as on the bus; NULL: nobody asked, and a trace
 * of its own begins. */
void span_call_begin(struct span_call *ret, const char *asks);
/* Its traceparent.  The header has to name a span, whether anything is traced here or not. */
void span_call_header(const struct span_call *c, char ret[TRACEPARENT_SIZE]);
/* It ends now; where spans are wanted, and this request's, it is one. */
void span_call_end(const struct span_call *c, const char *name, bool failed,
                   const struct span_fact *facts, size_t count);

/* Spans that were dropped since the start. */
int64_t spans_dropped(void);

/* OTLP/JSON; for span_end() and tests.  end_ns: wall clock. */
struct text;
void span_json(struct text *to, const struct span *s, const struct span_fact *facts, size_t count,
               int64_t end_ns, int64_t length_us);
/* What traced is handed: one ResourceSpans around spans that are separated by commas. */
void spans_resource_json(struct text *to, const char *service, const char *instance,
                         const struct text *spans);
