#pragma once
/* The operations that the gateway answers itself. */
#include "gateway/exchange.h"

/* Builds what does not change while the process lives; before the first request. */
void system_start(void);
void system_stop(void);

/* Step for operations of the lane LOCAL. */
int system_step(struct exchange *x);
