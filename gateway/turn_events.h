#pragma once
/* Answers that are events: a turn's, from its start or from where a client has been, and an
 * account's. */
#include "gateway/exchange.h"

struct bus_request;

/* Whether the client wants the operation's answer as events: the body's member stream says, else
 * whether Accept names text/event-stream. */
bool events_wanted(struct exchange *x);

/* Step: calls an operation that starts a turn, and streams the turn. */
int turn_start_step(struct exchange *x);

/* Step: GET /chat/turns/{turn_id}/events, GET /events. */
int events_step(struct exchange *x);
