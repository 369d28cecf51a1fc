#pragma once
/* Pairs of keys, and a port that is free, for tests of the bus between hosts. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/curve.h"
#include "common/digest.h"
#include "proto/api.h"

struct pair {
    struct curve_key secret, open;
    char secret_hex[CURVE_HEX_SIZE], open_hex[CURVE_HEX_SIZE];
};

static inline void pair_make(struct pair *p)
{
    random_bytes(p->secret.bytes, sizeof p->secret.bytes);
    curve_public_of(&p->secret, &p->open);
    hex_encode(p->secret.bytes, CURVE_KEY_SIZE, p->secret_hex);
    hex_encode(p->open.bytes, CURVE_KEY_SIZE, p->open_hex);
}

static inline bool port_is_free(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_free = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;

    close(fd);
    return is_free;
}

/* The first of as many free ports in a row as there are services. */
static inline int ports_free(void)
{
    for (;;) {
        uint16_t random;
        int port, n = 0;
        random_bytes(&random, sizeof random);
        port = 12000 + random % 18000;
        while (n < SVC_GATEWAY && port_is_free(port + n))
            n++;
        if (n == SVC_GATEWAY)
            return port;
    }
}
