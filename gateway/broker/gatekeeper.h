#pragma once
/*
 * Who may connect from other hosts: a thread that ZeroMQ asks about each client's key before
 * anything of it is read (ZAP, https://rfc.zeromq.org/spec/27).  A key is good at the port of its
 * own service alone.
 */
#include <stdint.h>

#include "gateway/broker/keyring.h"

struct gatekeeper;

/* Must be there before a socket of the context is bound to TCP.  keys outlives it. */
int gatekeeper_start(void *context, struct keyring *keys, struct gatekeeper **ret)
    __attribute__((warn_unused_result));
/* After zmq_ctx_shutdown(), which ends its thread; before zmq_ctx_term().  Accepts NULL. */
void gatekeeper_drop(struct gatekeeper **g);

/* Has the gatekeeper of its context hear, too, of connections to that ROUTER which never came as
 * far as a key: of who speaks something else, or breaks off.  DONE or a fault. */
int gatekeeper_watch(void *router, enum svc svc) __attribute__((warn_unused_result));

/* Connections that were refused because of their key.  Accepts NULL. */
uint64_t gatekeeper_refused(const struct gatekeeper *g);
/* Those that ended before they had shown one.  Accepts NULL. */
uint64_t gatekeeper_strangers(const struct gatekeeper *g);
