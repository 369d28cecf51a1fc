#pragma once
/* The process' state, reached by call_state(). */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct copies;
struct exports;
struct mime;
struct store;

struct filed {
    struct store *store;
    struct mime *mime;
    struct copies *copies; /* NULL: no provider is configured */
    struct exports *exports;
    atomic_int_fast64_t storage_per_user;
    bool no_copies; /* the provider is not asked by file id: it is given texts */
    /* project_access(), but in tests */
    int (*access)(struct call *c, int64_t project_id);
};
