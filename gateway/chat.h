#pragma once
/* Blocking chat: a turn is started, and its answer waited for. */
#include "gateway/exchange.h"

/*
 * Step for operations that keep a TURN: calls the operation, then waits for its turn to end, at
 * most CHAT_WAIT.  The wait holds this thread and nothing else. DONE with a chat_reply; what the
 * operation refused; the status of the turn's error; TURN_CANCELLED; TURN_WAIT.  All but the
 * operation's own errors name the turn.
 */
int chat_step(struct exchange *x);
