#pragma once
/* A follower: a connection on the way through a model call's stream. */
#include <stddef.h>
#include <stdint.h>

struct call;
struct connection;

struct follower {
    struct call *call; /* NULL: none */
    struct connection *connection;
    struct follower *previous, *next; /* the call's other followers */
    unsigned frame;                   /* next to send; for responses it is the sequence number */
    size_t offset;                    /* bytes of text before that frame */
};

/* Attaches the connection's follower at frame `from` (a background call may have many). */
void follow(struct connection *c, struct call *call, unsigned from);

/* Renders the frames that the call has produced and that the connection has room for. */
void follow_pump(struct follower *f);

/* The connection goes: a foreground call without its client ends as `client_closed`. */
void follow_leave(struct follower *f);
