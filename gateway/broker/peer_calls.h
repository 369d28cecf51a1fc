#pragma once
/* Internal requests of daemons to each other, through us. */
#include "gateway/broker/bus_socket.h"

struct broker;
struct service;
struct worker;

#define PEER_DEADLINE_MAX_MS 300000

/* Takes on the REQUEST in m (its frames are taken over) from w, or answers it at once. */
void peer_call_begin(struct broker *b, struct worker *w, struct bus_message *m);

/* Answers a request of a connection, with a status of the broker's own. */
void peer_refuse(struct broker *b, struct service *s, uint32_t route, uint64_t id, int status);

/* w is gone: what it asked is taken back. */
void peer_calls_drop(struct broker *b, struct worker *w);
