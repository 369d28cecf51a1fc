#pragma once
/*
 * One ROUTER of the bus: raw messages in and out, without blocking, and who sent them.  It is bound
 * to a socket file for this host's daemons, and may be to a TCP port for those of others.
 * Used by the broker's thread alone.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <zmq.h>

#include "common/curve.h"
#include "proto/api.h"
#include "proto/envelope.h"

#define BUS_FRAME_MAX (32 << 20) /* bytes of a frame; a peer that sends more is cut off */
#define BUS_SEND_MAX  100000     /* messages that wait for one peer to read */

struct bus_socket {
    void *zmq;
    int fd;         /* readable when bus_socket_readable() should be asked */
    char path[108]; /* of the socket file */
};

/*
 * Binds a ROUTER at path/bus; the directory path is made if need be (mode 0750), both are
 * given to the group ((gid_t)-1: as it is).  The umask of the process is 0117 for a moment, so no
 * other thread may make files meanwhile. DONE; a fault for a path that is too long, a live owner of
 * the socket, or a failed call.
 */
int bus_socket_open(struct bus_socket *s, void *context, const char *path, gid_t group)
    __attribute__((warn_unused_result));
/*
 * Binds it to a TCP port, too, where only those get in whose key the context's gatekeeper lets in
 * for that service.  After bus_socket_open().  DONE or a fault.
 */
int bus_socket_listen(struct bus_socket *s, const char *address, int port, enum svc svc,
                      const struct curve_key *secret) __attribute__((warn_unused_result));
/* Closes it and removes the socket file; {0} may be given. */
void bus_socket_close(struct bus_socket *s);

/* Whether messages wait.  Must be asked after every send or receive before sleeping on fd, which
 * reports each change only once. */
bool bus_socket_readable(struct bus_socket *s);

struct bus_message {
    uint32_t route; /* the sender's connection */
    zmq_msg_t head, payload;
    struct envelope e; /* points into head */
};

enum bus_got { BUS_NOTHING, BUS_MESSAGE, BUS_VOID };

/*
 * Takes the next message.  BUS_MESSAGE: ret is set and must be given to bus_message_drop();
 * BUS_VOID: there was one, but it is not of the protocol.
 */
enum bus_got bus_socket_receive(struct bus_socket *s, struct bus_message *ret);
void bus_message_drop(struct bus_message *m);

/* Who sent a message. */
struct bus_peer {
    bool remote;          /* over TCP, with the key that the gatekeeper let in */
    struct curve_key key; /* of a remote one */
    uid_t uid;            /* of one of this host, as the kernel knows them (SO_PEERCRED) */
    pid_t pid;
};

/* False: unknown. */
bool bus_message_peer(struct bus_message *m, struct bus_peer *ret);

enum bus_sent {
    BUS_SENT,
    BUS_FULL,    /* the peer does not read */
    BUS_GONE,    /* no such connection any more */
    BUS_TOO_BIG, /* the head does not fit into a frame */
};

/*
 * Sends one message.  payload: taken in any case, may be NULL.  REQUEST, REPLY, EVENT and DATA
 * always get a payload frame, an empty one if need be.
 */
enum bus_sent bus_socket_send(struct bus_socket *s, uint32_t route, const struct envelope *e,
                              zmq_msg_t *payload);
