#pragma once
/*
 * Keys of the bus between hosts (CurveZMQ, https://rfc.zeromq.org/spec/26), and what its sockets
 * over TCP have in common.  Keys are written as 64 hexadecimal digits.
 */
#include <stdbool.h>
#include <stddef.h>

#define CURVE_KEY_SIZE     32
#define CURVE_HEX_SIZE     (2 * CURVE_KEY_SIZE + 1) /* with NUL */

#define CURVE_HANDSHAKE_MS 3000 /* longest time until a connection has proved its key */

struct curve_key {
    unsigned char bytes[CURVE_KEY_SIZE];
};

/* size hexadecimal digits; false: they are no key. */
bool curve_key_read(const char *hex, size_t size, struct curve_key *ret);
bool curve_key_same(const struct curve_key *a, const struct curve_key *b);
/* The public key that belongs to a secret one. */
void curve_public_of(const struct curve_key *secret, struct curve_key *ret);

/*
 * What the next bind of a socket is: a server with this key, whose clients are asked about under
 * the name `domain` (ZAP, https://rfc.zeromq.org/spec/27).  Somebody must answer that already: else
 * all get in, though without the User-Id that their messages have otherwise.  What was bound before
 * stays as it is.  DONE or a fault.
 */
int curve_serve(void *zmq, const struct curve_key *secret, const char *domain)
    __attribute__((warn_unused_result));
/* The same for a connect: our key, and the one that the server must have. */
int curve_connect(void *zmq, const struct curve_key *secret, const struct curve_key *server)
    __attribute__((warn_unused_result));
