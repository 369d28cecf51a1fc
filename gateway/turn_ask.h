#pragma once
/* Asking for a turn: what makes following it sure. */
#include <stddef.h>

#include "gateway/exchange.h"

#define ASK_WAIT_MS 5000

struct json_object;

/*
 * turn_look on behalf of x->caller: the turn, with at most `most` bytes of the attempt's text
 * behind the first `after`.  DONE with *ret; NOT_FOUND; or what keeps everybody from telling now
 * (UNAVAILABLE, BUSY, TOO_LATE, a fault).
 */
int turn_ask(struct exchange *x, int64_t turn, uint32_t attempt, uint64_t after, size_t most,
             struct json_object **ret) __attribute__((warn_unused_result));
