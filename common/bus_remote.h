#pragma once
/* Gateways of other hosts, as a daemon's settings name them. */
#include <stdbool.h>

#include "common/conf.h"
#include "common/curve.h"
#include "proto/api.h"

struct remote {
    char name[32];    /* address:port, the first of the gateway's ports */
    char address[16]; /* IPv4 */
    int port;
    struct curve_key key; /* of the gateway */
};

/* Takes the next one of a list like BUS_GATEWAYS and moves *at behind it.  1: ret is set; 0: the
 * end; -1: it is wrong. */
int remote_next(const char **at, struct remote *ret);

/* The port on which a gateway, whose first one is given, listens for a service's daemons. */
static inline int bus_port_of(int first, enum svc svc)
{
    return first + (int)svc;
}

/* What is wrong with a daemon's BUS_GATEWAYS, as conf_check_fn tells it. */
enum setting remotes_check(const struct conf *conf, const char **reterr_why);

/*
 * This process' secret key, for a bus that the setting `needs` opens to other hosts.  0, or the
 * exit code after saying what is wrong.  *ret_has: whether there is one.
 */
int bus_key_read(struct conf *conf, enum setting needs, struct curve_key *ret, bool *ret_has)
    __attribute__((warn_unused_result));
