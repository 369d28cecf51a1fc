#pragma once
/* Operations of the daemons: from an exchange to a bus request and back. */
#include "gateway/broker/broker.h"
#include "gateway/exchange.h"

/* The exchange as a bus request; its pointers live as long as the exchange. */
struct bus_request call_request(const struct exchange *x);

/*
 * Sends it and waits for the answer, as broker_call() does.  Where a read's answer names the
 * instance that has the object in its memory, that one is asked, too, and its answer taken; the
 * first one if it does not answer.
 */
void call_send(struct broker *b, const struct bus_request *request, struct bus_reply *ret);

/* Copies what a daemon's deliberate error says into x->problem.  Returns its status. */
int call_refused(struct exchange *x, const struct bus_reply *reply);

/* Headers that belong to a daemon's success: Location, Link, Idempotent-Replayed. */
void call_headers(struct exchange *x, const struct bus_reply *reply);

/* Turns a daemon's answer into the reply. */
int call_reply(struct exchange *x, const struct bus_reply *reply);

/* Step: calls the operation and turns its answer into the reply. */
int call_step(struct exchange *x);
