#pragma once
/*
 * Admission: how many requests of which kind may hold a thread at once, so that no kind can take
 * them all.  System operations may use the last threads, other requests all but a few, and blocking
 * chats, which hold one for minutes, leave many more.
 */
#include "gateway/exchange.h"

/* Step: takes the operation's place.  DONE, or BUSY. */
int admit_step(struct exchange *x);

/* Uploads and downloads under way, by caller: as many as a slow client cares to make them last. */
#define ADMIT_TRANSFERS_MAX    64 /* in all; no more than half of the threads */
#define ADMIT_TRANSFERS_CALLER 8  /* of one caller, where rates are limited */
struct admit_transfers;
struct admit_transfers *admit_transfers_new(unsigned threads);
void admit_transfers_drop(struct admit_transfers **t);
/* Step, when the caller is known: takes an upload's or download's place.  DONE, RATE_LIMITED: the
 * caller has too many; or BUSY. */
int admit_transfer_step(struct exchange *x);

/* Gives a chat's place back alone. */
void admit_chat_end(struct exchange *x);

/* Gives all places back; harmless when none was taken. */
void admit_end(struct exchange *x);

/* Places for all requests, and for chats, of a gateway with so many threads. */
unsigned admit_requests_max(unsigned threads);
unsigned admit_chats_max(unsigned threads);
