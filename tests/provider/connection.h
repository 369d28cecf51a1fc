#pragma once
/* Connections: socket input and output, keep-alive, pipelining, one request at a time. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "follow.h"
#include "http.h"
#include "loop.h"
#include "timers.h"

struct route;
struct upload;

enum {
    CONNECTION_MAX = 30000,
    OUT_HIGH = 262144, /* producers stop above this many unsent bytes */
};

struct connection {
    struct watch watch;
    struct connection *previous, *next; /* all connections */
    struct connection *next_dirty;
    bool dirty;      /* has something to do at the end of this round */
    bool closed;     /* freed at the end of this round */
    bool eof;        /* the client sends no more */
    bool busy;       /* a request is being answered */
    bool in_body;    /* the head is parsed, the body is not complete */
    bool ending;     /* nothing more is read; closes when `out` is sent */
    bool reset;      /* ... with RST */
    bool shut;       /* our side is shut; waits for the client's end */
    uint64_t active; /* clock_ms() of the last bytes, for the idle sweep */
    struct buffer in, out, body;
    struct http http;
    const struct route *route; /* NULL: unknown path */
    bool path_known;           /* ... or only the method was wrong */
    char id[80];               /* the path's {id} */
    uint64_t request;          /* number of the request, in its x-request-id */
    struct upload *upload;     /* the multipart body, while there is one */
    struct follower follower;  /* the model call that is being answered */
    size_t write_max;          /* bytes per send(); 0: all */
    int slow_byte_ms;          /* one byte per that many milliseconds; 0: off */
    struct timer pace;
};

struct connection_counts {
    unsigned open;
    uint64_t accepted;
    uint64_t requests;
};

extern struct connection_counts connection_counts;

/* Listens on a numeric address.  0 with the port, or -1 with errno. */
int connections_open(const char *address, int port, int *ret_port);

/* Sends what the round produced and reads on; true when it wants another round at once. */
bool connections_round(void);
void connections_close(void);

/* Has the connection served at the end of this round. */
void connection_dirty(struct connection *c);

/* The request is answered: the next one may be read. */
void connection_finish(struct connection *c);

/* Closes once all output is sent. */
void connection_end(struct connection *c);

/* Closes now; with `reset` the client gets RST instead of FIN. */
void connection_close(struct connection *c, bool reset);
