#pragma once
/*
 * Which request something belongs to, and which span of it asks (W3C Trace Context).
 *
 * The request id is what all logs know a request by.  The bus, and the rows of turns, hold it in
 * one string: "ID", or where the request is traced "ID/SPAN", or "ID/SPAN/TRACE" where the client
 * named a trace of its own beside the request id (without a span, too: "ID//TRACE").
 */
#include <stdbool.h>
#include <stdint.h>

#define TRACE_MAX        64 /* bytes of a request id */
#define TRACE_ID_SIZE    33 /* 32 hex digits and NUL */
#define SPAN_ID_SIZE     17 /* 16 hex digits and NUL */
#define TRACE_SIZE       (TRACE_MAX + 1 + SPAN_ID_SIZE + TRACE_ID_SIZE)
#define TRACEPARENT_SIZE 56 /* with NUL */

struct trace {
    char id[TRACE_MAX + 1];
    char span[SPAN_ID_SIZE];    /* that asks; "": the request is not traced */
    char client[TRACE_ID_SIZE]; /* the client's trace; "": the request id says which one it is */
};

/* Of the bus' string; what is none of ours in it is left out.  NULL is "". */
void trace_read(struct trace *ret, const char *s);
/* The bus' string. */
void trace_print(const struct trace *t, char ret[TRACE_SIZE]);

/* The trace's id: the client's, else the request id where that is one, else made from it, by all
 * processes the same. */
void trace_id(const struct trace *t, char ret[TRACE_ID_SIZE]);

/* A new span's id: random, not zero. */
void span_id_make(char ret[SPAN_ID_SIZE]);

/* Of a traceparent header (3.2): fills client and span; *ret_sampled: its flag.  False, and nothing
 * filled: it is none (NULL, too). */
bool traceparent_read(const char *s, struct trace *ret, bool *ret_sampled)
    __attribute__((warn_unused_result));
/* The header's value, version 00. */
void traceparent_print(const struct trace *t, bool sampled, char ret[TRACEPARENT_SIZE]);
