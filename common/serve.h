#pragma once
/* What workers and the FAST lane do alike: from a job to a call, and from its result to an answer.
 */
#include "common/call.h"
#include "common/daemon.h"

/* Fills the call from the request. */
void call_begin(struct call *c, struct daemon *d, struct job *j);

/*
 * Checks and decodes a request: operation mine, scope, strict JSON, typed input.
 * DONE, with *ret_in the operation's request struct in the call's arena; else the answer.
 * *ret_json owns the parsed body, which the struct's strings point into.
 */
int call_decode(struct call *c, struct job *j, struct json_object **ret_json, void **ret_in)
    __attribute__((warn_unused_result));

/* The reply of an operation that is exactly one statement; `limit`: rows that a full page has. */
int call_rows(struct call *c, const struct pg_result *rows, int64_t limit);

/* Writes the answer into the job, one log line, and hands the job to the bus. */
void call_answer(struct call *c, struct job *j, int r, int64_t started_us);

/* The reply of a download, before its bytes. */
void call_answer_early(struct call *c, uint64_t id, int gateway);

/* The Location of what was made, from the row's template, or NULL. */
const char *call_location(struct call *c);
