#pragma once
/* The pipeline's smaller steps; each is described where it is written. */
#include "gateway/exchange.h"

/* A request id of our own: 24 hex digits.  ret has room for TRACE_MAX + 1 bytes. */
void trace_make(char *ret);

step_fn cors_step, route_step, rate_address_step, scope_step, rate_user_step, media_step,
    params_step, key_step, body_step;
