#pragma once
/* What answers of the bus become for the threads that wait for them. */
#include <zmq.h>

struct bus_reply;
struct envelope;

/* payload: copied, may be NULL. */
void bus_reply_fill(struct bus_reply *ret, const struct envelope *e, zmq_msg_t *payload);
