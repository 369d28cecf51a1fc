/* Keys of the bus between hosts, and the options of its sockets over TCP. */
#include "common/curve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/digest.h"
#include "common/fault.h"
#include "proto/api.h"

#define Z85_SIZE 41 /* of a key, with NUL */

bool curve_key_read(const char *hex, size_t size, struct curve_key *ret)
{
    if (size != 2 * CURVE_KEY_SIZE)
        return false;
    for (size_t i = 0; i < CURVE_KEY_SIZE; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool curve_key_same(const struct curve_key *a, const struct curve_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void curve_public_of(const struct curve_key *secret, struct curve_key *ret)
{
    char hidden[Z85_SIZE], open[Z85_SIZE];

    if (!zmq_z85_encode(hidden, secret->bytes, CURVE_KEY_SIZE) || zmq_curve_public(open, hidden) ||
        !zmq_z85_decode(ret->bytes, open))
        abort(); /* a library without CURVE */
    secret_wipe(hidden, sizeof hidden);
}

static int bytes_set(void *zmq, int option, const void *data, size_t size)
{
    if (zmq_setsockopt(zmq, option, data, size))
        return FAULT("zmq_setsockopt %d: %s", option, zmq_strerror(errno));
    return DONE;
}

static int number_set(void *zmq, int option, int value)
{
    return bytes_set(zmq, option, &value, sizeof value);
}

/* A host that is gone says nothing: its connection ends within 2 s, so that the next one can be
 * made.  (That it is gone is noticed by our own pings.) */
static int tcp_set(void *zmq)
{
    static const struct {
        int option, value;
    } options[] = {
        {ZMQ_HEARTBEAT_IVL, 500},
        {ZMQ_HEARTBEAT_TIMEOUT, 2000},
        {ZMQ_TCP_MAXRT, 3000},
        {ZMQ_CONNECT_TIMEOUT, 1000},
        {ZMQ_HANDSHAKE_IVL, CURVE_HANDSHAKE_MS},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 10},
        {ZMQ_TCP_KEEPALIVE_INTVL, 5},
        {ZMQ_TCP_KEEPALIVE_CNT, 3},
    };
    int r = DONE;

    for (size_t i = 0; !r && i < sizeof options / sizeof *options; i++)
        r = number_set(zmq, options[i].option, options[i].value);
    return r;
}

int curve_serve(void *zmq, const struct curve_key *secret, const char *domain)
{
    int r;

    if ((r = tcp_set(zmq)) || (r = number_set(zmq, ZMQ_CURVE_SERVER, 1)) ||
        (r = bytes_set(zmq, ZMQ_ZAP_DOMAIN, domain, strlen(domain))))
        return r;
    return bytes_set(zmq, ZMQ_CURVE_SECRETKEY, secret->bytes, CURVE_KEY_SIZE);
}

int curve_connect(void *zmq, const struct curve_key *secret, const struct curve_key *server)
{
    struct curve_key own;
    int r;

    curve_public_of(secret, &own);
    if ((r = tcp_set(zmq)) ||
        (r = bytes_set(zmq, ZMQ_CURVE_SERVERKEY, server->bytes, CURVE_KEY_SIZE)) ||
        (r = bytes_set(zmq, ZMQ_CURVE_PUBLICKEY, own.bytes, CURVE_KEY_SIZE)))
        return r;
    return bytes_set(zmq, ZMQ_CURVE_SECRETKEY, secret->bytes, CURVE_KEY_SIZE);
}
