#pragma once
/*
 * cleanup(f): run f(&variable) when the variable goes out of scope.
 *
 * Ownership: request strings and strings from db_get() belong to the call and die with the reply;
 * never free or keep them.  Every local that owns a foreign handle is declared cleanup(x_drop)
 * with an initialiser; x_drop(struct x **) accepts NULL and half-built objects and nulls its
 * argument.  TAKE(p) gives the handle away.
 */
#include <stdlib.h>
#include <unistd.h>

#define cleanup(f) __attribute__((cleanup(f)))
#define TAKE(p)                     \
    ({                              \
        __typeof__(p) taken_ = (p); \
        (p) = NULL;                 \
        taken_;                     \
    })

static inline void free_drop(void *p)
{
    void **pp = p;
    free(*pp);
    *pp = NULL;
}

static inline void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

struct json_object;
struct pg_result;
void json_drop(struct json_object **o);
void rows_drop(struct pg_result **r);
