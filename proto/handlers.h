#pragma once
/*
 * This service's rows of api.def as a dispatch table named "handlers".  Define SERVE_<SERVICE>
 * and include the daemon's queries.h before; included by each daemon's main.c only.
 */
#include "proto/api.h"

op_fn meters_answer; /* the runtime's, for rows of lane RUNTIME: common/meters.h */

#ifdef SERVE_AUTH
#define ON_AUTH(...) __VA_ARGS__
#else
#define ON_AUTH(...)
#endif
#ifdef SERVE_PROJECT
#define ON_PROJECT(...) __VA_ARGS__
#else
#define ON_PROJECT(...)
#endif
#ifdef SERVE_CHAT
#define ON_CHAT(...) __VA_ARGS__
#else
#define ON_CHAT(...)
#endif
#ifdef SERVE_FILE
#define ON_FILE(...) __VA_ARGS__
#else
#define ON_FILE(...)
#endif
#define ON_GATEWAY(...)

/* thunks from the erased to the typed handler */
#define THUNK_FAST(name)
#define THUNK_RUNTIME(name)
#define THUNK_LOCAL(name)
#define THUNK_SLOW(name)                                    \
    static int apply_##name(struct call *c, const void *in) \
    {                                                       \
        return name(c, in);                                 \
    }
#define THUNK_WRITE(name) THUNK_SLOW(name)
#define THUNK_HASH(name)  THUNK_SLOW(name)
#define THUNK_BULK(name)  THUNK_SLOW(name)
#define PRE_APPLY(name)
#define PRE_BARE(name)
#define PRE_PREPARE(name)                                     \
    static int prepare_##name(struct call *c, const void *in) \
    {                                                         \
        return name##_prepare(c, in);                         \
    }
#define OP(name, svc, method, path, scope, rate, lane, phases, ...) \
    ON_##svc(THUNK_##lane(name) PRE_##phases(name))
#include "proto/api.def"

/* rows; what the gateway answers itself is no daemon's */
#define ROW_LOCAL(name)   .query = -1
#define ROW_FAST(name)    .mine = true, .query = Q_##name
#define ROW_RUNTIME(name) .mine = true, .query = -1, .apply = meters_answer
#define ROW_SLOW(name)    .mine = true, .query = -1, .apply = apply_##name
#define ROW_WRITE(name)   ROW_SLOW(name)
#define ROW_HASH(name)    ROW_SLOW(name)
#define ROW_BULK(name)    ROW_SLOW(name)
#define ROW_PRE_APPLY(name)
#define ROW_PRE_BARE(name)
#define ROW_PRE_PREPARE(name) , .prepare = prepare_##name
#define OP(name, svc, method, path, scope, rate, lane, phases, ...) \
    ON_##svc([OP_##name] = {ROW_##lane(name) ROW_PRE_##phases(name)}, )
static const struct handler handlers[OP_COUNT] = {
#include "proto/api.def"
};
