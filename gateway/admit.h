#pragma once
/*
 * Admission: how many requests of which kind may hold a thread at once, so that no kind can take
 * them all.  System operations may use the last threads, other requests all but a few, and blocking
 * chats, which hold one for minutes, leave many more.
 */
#include "gateway/exchange.h"

/* Step: takes the operation's place.  DONE, or BUSY. */
int admit_step(struct exchange *x);

/* Gives it back; harmless when none was taken. */
void admit_end(struct exchange *x);

/* Places for all requests, and for chats, of a gateway with so many threads. */
unsigned admit_requests_max(unsigned threads);
unsigned admit_chats_max(unsigned threads);
