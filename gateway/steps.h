#pragma once
/* The pipeline's smaller steps; each is described where it is written. */
#include "gateway/exchange.h"

/* A request id of our own: 24 hex digits.  ret has room for TRACE_MAX + 1 bytes. */
void trace_make(char *ret);

/* Seconds after which a client with too many connections may come again. */
#define CONNECTIONS_RETRY 5

step_fn host_step, address_step, cors_step, route_step, rate_address_step, scope_step,
    rate_user_step, media_step, params_step, key_step, body_step;
